//! JSON in the one form that every language writes the same way (RFC 8785).

use serde_json::{Map, Number, Value};
use std::fmt;

/// The largest integer that every JSON reader keeps exactly: 2^53 - 1 (RFC 7493, section 2.2).
const INTEGER_MAX: u64 = (1 << 53) - 1;

/// The canonical form of a JSON value: RFC 8785, which sorts members by UTF-16 code units and
/// prints numbers as ECMAScript does.
///
/// Fails on an integer beyond 2^53 - 1, which other languages would round: such a number has to be
/// a string.
pub fn canonical_json(value: &Value) -> Result<String, CanonicalJsonError> {
    let mut writer = Writer { json: Vec::with_capacity(512), path: Vec::new() };
    writer.value(value)?;
    Ok(String::from_utf8(writer.json).expect("JSON is written as UTF-8"))
}

struct Writer<'v> {
    json: Vec<u8>,
    /// The names of the members that are being written, from the outermost.
    path: Vec<&'v str>,
}

impl<'v> Writer<'v> {
    fn value(&mut self, value: &'v Value) -> Result<(), CanonicalJsonError> {
        match value {
            Value::Null => self.json.extend(b"null"),
            Value::Bool(true) => self.json.extend(b"true"),
            Value::Bool(false) => self.json.extend(b"false"),
            Value::Number(number) => return self.number(number),
            Value::String(text) => self.text(text),
            Value::Array(items) => {
                self.json.push(b'[');
                for (index, item) in items.iter().enumerate() {
                    self.separate(index);
                    self.value(item)?;
                }
                self.json.push(b']');
            }
            Value::Object(members) => return self.object(members),
        }
        Ok(())
    }

    fn object(&mut self, members: &'v Map<String, Value>) -> Result<(), CanonicalJsonError> {
        let mut members: Vec<(&String, &Value)> = members.iter().collect();
        // The map is sorted already, but by code points or not at all, as serde_json was built.
        members.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
        self.json.push(b'{');
        for (index, (name, member)) in members.into_iter().enumerate() {
            self.separate(index);
            self.text(name);
            self.json.push(b':');
            self.path.push(name);
            self.value(member)?;
            self.path.pop();
        }
        self.json.push(b'}');
        Ok(())
    }

    fn number(&mut self, number: &Number) -> Result<(), CanonicalJsonError> {
        if number.is_f64() {
            return serde_json_canonicalizer::to_writer(number, &mut self.json)
                .map_err(|e| self.fault(e.to_string()));
        }
        let magnitude =
            number.as_u64().or_else(|| number.as_i64().map(i64::unsigned_abs)).unwrap_or(u64::MAX);
        if magnitude > INTEGER_MAX {
            return Err(self.fault(format!(
                "{number} is beyond ±{INTEGER_MAX}, which other languages would round: send it as \
                 a string"
            )));
        }
        serde_json::to_writer(&mut self.json, number).expect(WRITABLE);
        Ok(())
    }

    /// JSON string escapes are the same in RFC 8785 and in serde_json.
    fn text(&mut self, text: &str) {
        serde_json::to_writer(&mut self.json, text).expect(WRITABLE);
    }

    fn separate(&mut self, index: usize) {
        if index > 0 {
            self.json.push(b',');
        }
    }

    fn fault(&self, reason: String) -> CanonicalJsonError {
        CanonicalJsonError { member: self.path.join("."), reason }
    }
}

const WRITABLE: &str = "writing to memory does not fail";

/// A value that has no canonical form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanonicalJsonError {
    member: String,
    reason: String,
}

impl fmt::Display for CanonicalJsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.member.is_empty() {
            return write!(f, "not canonical JSON: {}", self.reason);
        }
        write!(f, "not canonical JSON: member `{}`: {}", self.member, self.reason)
    }
}

impl std::error::Error for CanonicalJsonError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &str, expected: &str) {
        let value: Value = serde_json::from_str(input).expect("the vector is JSON");
        assert_eq!(canonical_json(&value).expect("the vector is canonical"), expected);
    }

    #[test]
    fn the_vector_of_rfc_8785_section_3_2_2() {
        check(
            r#"{
                "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
                "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
                "literals": [null, true, false]
            }"#,
            concat!(
                r#"{"literals":[null,true,false],"#,
                r#""numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"#,
                r#""string":"€$\u000f\nA'B\"\\\\\"/"}"#
            ),
        );
    }

    #[test]
    fn the_sorting_vector_of_rfc_8785_section_3_2_3() {
        check(
            r#"{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh",
                "1":"One","\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control",
                "\u00f6":"Latin Small Letter O With Diaeresis"}"#,
            concat!(
                "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u{80}\":\"Control\",",
                "\"ö\":\"Latin Small Letter O With Diaeresis\",\"€\":\"Euro Sign\",",
                "\"😀\":\"Emoji: Grinning Face\",",
                "\"\u{fb33}\":\"Hebrew Letter Dalet With Dagesh\"}"
            ),
        );
    }

    /// RFC 8785, appendix B: IEEE 754 bit patterns and their ECMAScript form.
    #[test]
    fn the_number_vectors_of_rfc_8785_appendix_b() {
        let vectors: [(u64, &str); 22] = [
            (0x0000000000000000, "0"),
            (0x8000000000000000, "0"),
            (0x0000000000000001, "5e-324"),
            (0x8000000000000001, "-5e-324"),
            (0x7fefffffffffffff, "1.7976931348623157e+308"),
            (0xffefffffffffffff, "-1.7976931348623157e+308"),
            (0x4340000000000000, "9007199254740992"),
            (0xc340000000000000, "-9007199254740992"),
            (0x4430000000000000, "295147905179352830000"),
            (0x44b52d02c7e14af5, "9.999999999999997e+22"),
            (0x44b52d02c7e14af6, "1e+23"),
            (0x44b52d02c7e14af7, "1.0000000000000001e+23"),
            (0x444b1ae4d6e2ef4e, "999999999999999700000"),
            (0x444b1ae4d6e2ef4f, "999999999999999900000"),
            (0x444b1ae4d6e2ef50, "1e+21"),
            (0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"),
            (0x3eb0c6f7a0b5ed8d, "0.000001"),
            (0x41b3de4355555553, "333333333.3333332"),
            (0x41b3de4355555554, "333333333.33333325"),
            (0x41b3de4355555555, "333333333.3333333"),
            (0xbecbf647612f3696, "-0.0000033333333333333333"),
            (0x43143ff3c1cb0959, "1424953923781206.2"),
        ];
        for (bits, expected) in vectors {
            let value = serde_json::json!(f64::from_bits(bits));
            assert_eq!(canonical_json(&value).expect("finite"), expected, "{bits:016x}");
        }
    }

    #[test]
    fn an_integer_that_other_languages_would_round_is_refused_by_name() {
        let error = canonical_json(&serde_json::json!({"a": {"n": 9_007_199_254_740_993_i64}}))
            .expect_err("too large");
        assert!(error.to_string().contains("`a.n`"), "{error}");
        assert!(canonical_json(&serde_json::json!(i64::MIN)).is_err());
        assert!(canonical_json(&serde_json::json!(9_007_199_254_740_991_i64)).is_ok());
    }
}
