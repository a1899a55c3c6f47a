import com.fasterxml.jackson.databind.ObjectMapper;
import io.debezium.embedded.Connect;
import io.debezium.engine.DebeziumEngine;
import io.debezium.engine.RecordChangeEvent;
import io.debezium.engine.format.ChangeEventFormat;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.connect.header.Header;
import org.apache.kafka.connect.source.SourceRecord;
import org.apache.kafka.connect.storage.Converter;
import org.apache.kafka.connect.storage.HeaderConverter;

/**
 * Runs Debezium's engine with the settings of a file and of arguments {@code name=value}, and prints
 * each record as the converters of Kafka Connect hand it to Kafka, one line of JSON a record. Ends
 * when its input ends.
 */
public final class RouteOutbox {
    private final ObjectMapper json = new ObjectMapper();
    private final PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    private final Converter keys;
    private final Converter values;
    private final HeaderConverter headers;

    private RouteOutbox(Properties settings) throws ReflectiveOperationException {
        keys = make(settings, "key.converter", Converter.class);
        values = make(settings, "value.converter", Converter.class);
        headers = make(settings, "header.converter", HeaderConverter.class);
        keys.configure(Map.of(), true);
        values.configure(Map.of(), false);
        headers.configure(Map.of("converter.type", "header"));
    }

    public static void main(String[] args) throws Exception {
        Properties settings = settings(args);
        RouteOutbox printer = new RouteOutbox(settings);
        ExecutorService executor = Executors.newSingleThreadExecutor();
        DebeziumEngine<RecordChangeEvent<SourceRecord>> engine = DebeziumEngine
            .create(ChangeEventFormat.of(Connect.class))
            .using(settings)
            .using((success, message, error) -> ended(success, message, error))
            .notifying(event -> printer.print(event.record()))
            .build();
        executor.execute(engine);
        while (System.in.read() >= 0) {
            // Only its end means something.
        }
        engine.close();
        executor.shutdown();
        executor.awaitTermination(30, TimeUnit.SECONDS);
    }

    private static Properties settings(String[] args) throws Exception {
        Properties settings = new Properties();
        try (var reader = Files.newBufferedReader(Path.of(args[0]))) {
            settings.load(reader);
        }
        for (int at = 1; at < args.length; at++) {
            String[] setting = args[at].split("=", 2);
            settings.setProperty(setting[0], setting[1]);
        }
        return settings;
    }

    private static <T> T make(Properties settings, String name, Class<T> type)
            throws ReflectiveOperationException {
        Class<?> found = Class.forName(settings.getProperty(name));
        return type.cast(found.getDeclaredConstructor().newInstance());
    }

    private static void ended(boolean success, String message, Throwable error) {
        if (success) {
            return;
        }
        System.err.println("the engine ended: " + message);
        if (error != null) {
            error.printStackTrace();
        }
        System.exit(1);
    }

    private void print(SourceRecord record) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("topic", record.topic());
        line.put("key", text(keys.fromConnectData(record.topic(), record.keySchema(), record.key())));
        Map<String, String> texts = new LinkedHashMap<>();
        for (Header header : record.headers()) {
            byte[] bytes = headers.fromConnectHeader(
                record.topic(), header.key(), header.schema(), header.value());
            if (texts.put(header.key(), text(bytes)) != null) {
                throw new IllegalStateException(header.key() + " is there twice");
            }
        }
        line.put("headers", texts);
        byte[] value = values.fromConnectData(record.topic(), record.valueSchema(), record.value());
        line.put("value", text(value));
        try {
            out.println(json.writeValueAsString(line));
        } catch (java.io.IOException error) {
            throw new IllegalStateException(error);
        }
    }

    private static String text(byte[] bytes) {
        return bytes == null ? null : new String(bytes, StandardCharsets.UTF_8);
    }
}
