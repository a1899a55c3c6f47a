//! Values of attributes in headers that take printable ASCII only.

use std::borrow::Cow;

/// The value of an attribute as CloudEvents puts it into a header, by section 3.1.3.2 of its HTTP binding,
/// which other bindings refer to: everything but printable ASCII is percent-encoded, byte by byte of its
/// UTF-8, and so are space, quotation mark and per cent.
pub fn header_value<'v>(value: impl Into<Cow<'v, str>>) -> Cow<'v, str> {
    let value = value.into();
    const DIGITS: [u8; 16] = *b"0123456789ABCDEF";
    let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'%';
    if value.bytes().all(is_plain) {
        return value;
    }
    let mut encoded = String::with_capacity(value.len() + 16);
    for byte in value.bytes() {
        if is_plain(byte) {
            encoded.push(char::from(byte));
        } else {
            let [high, low] = [byte >> 4, byte & 15].map(|half| DIGITS[usize::from(half)]);
            encoded.extend(['%', char::from(high), char::from(low)]);
        }
    }
    Cow::Owned(encoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_encoded_as_in_the_specification() {
        let table = [
            ("application/json;charset=utf-8", "application/json;charset=utf-8"),
            ("Euro € 😀", "Euro%20%E2%82%AC%20%F0%9F%98%80"), // the example there
            ("a\"b%c\r\n~!\u{7f}", "a%22b%25c%0D%0A~!%7F"),
            ("", ""),
        ];
        for (value, expected) in table {
            assert_eq!(header_value(value), expected);
        }
    }
}
