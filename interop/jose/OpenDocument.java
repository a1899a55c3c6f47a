import com.nimbusds.jose.JWEObject;
import com.nimbusds.jose.JWEObjectJSON;
import com.nimbusds.jose.crypto.AESDecrypter;
import com.nimbusds.jose.util.Base64;
import com.nimbusds.jose.util.JSONObjectUtils;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Opens encrypted payloads as a subscriber would: each line of the input is one, as JSON or in
 * the compact form; the first argument is the key in Base64. Prints what is in each and what its protected header says, or why it does not open.
 */
public final class OpenDocument {
    public static void main(String[] args) throws Exception {
        byte[] key = new Base64(args[0]).decode();
        var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        var out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            out.println(JSONObjectUtils.toJSONString(open(line, key)));
        }
    }

    private static Map<String, Object> open(String text, byte[] key) {
        Map<String, Object> opened = new LinkedHashMap<>();
        try {
            if (text.startsWith("{")) {
                JWEObjectJSON document = JWEObjectJSON.parse(text);
                document.decrypt(new AESDecrypter(key));
                opened.put("data", document.getPayload().toString());
                opened.put("protected", document.getHeader().toJSONObject());
                opened.put("kid", JSONObjectUtils.getJSONObject(JSONObjectUtils.parse(text), "header").get("kid"));
            } else {
                JWEObject document = JWEObject.parse(text);
                document.decrypt(new AESDecrypter(key));
                opened.put("data", document.getPayload().toString());
                opened.put("protected", document.getHeader().toJSONObject());
            }
        } catch (Exception error) {
            opened.put("error", String.valueOf(error.getMessage()));
        }
        return opened;
    }
}
