//! As much of the protobuf encoding as the tests need, written by hand so that they do not trust that
//! of the crate.

/// A field: a number, or bytes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Number(u64),
    Bytes(Vec<u8>),
}

/// A message being written.
#[derive(Clone, Default)]
pub(crate) struct Writer(pub(crate) Vec<u8>);

impl Writer {
    pub(crate) fn number(mut self, tag: u64, value: u64) -> Self {
        self.varint(tag << 3);
        self.varint(value);
        self
    }

    pub(crate) fn bytes(mut self, tag: u64, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref();
        self.varint(tag << 3 | 2);
        self.varint(value.len() as u64);
        self.0.extend_from_slice(value);
        self
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

/// A message that was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Fields(Vec<(u64, Value)>);

impl Fields {
    pub(crate) fn read(mut bytes: &[u8]) -> Self {
        let mut fields = Vec::new();
        while !bytes.is_empty() {
            let key = varint(&mut bytes);
            let value = match key & 7 {
                0 => Value::Number(varint(&mut bytes)),
                1 => Value::Bytes(take(&mut bytes, 8)),
                2 => {
                    let length = varint(&mut bytes) as usize;
                    Value::Bytes(take(&mut bytes, length))
                }
                5 => Value::Bytes(take(&mut bytes, 4)),
                kind => panic!("no such kind of field: {kind}"),
            };
            fields.push((key >> 3, value));
        }
        Self(fields)
    }

    pub(crate) fn number(&self, tag: u64) -> Option<u64> {
        self.all(tag).find_map(|value| match value {
            Value::Number(number) => Some(*number),
            Value::Bytes(_) => None,
        })
    }

    pub(crate) fn bytes(&self, tag: u64) -> Option<&[u8]> {
        self.every(tag).next()
    }

    pub(crate) fn every(&self, tag: u64) -> impl Iterator<Item = &[u8]> {
        self.all(tag).filter_map(|value| match value {
            Value::Number(_) => None,
            Value::Bytes(bytes) => Some(bytes.as_slice()),
        })
    }

    pub(crate) fn text(&self, tag: u64) -> Option<String> {
        self.bytes(tag).map(|bytes| String::from_utf8(bytes.to_vec()).expect("text"))
    }

    pub(crate) fn message(&self, tag: u64) -> Option<Self> {
        self.bytes(tag).map(Self::read)
    }

    fn all(&self, tag: u64) -> impl Iterator<Item = &Value> {
        self.0.iter().filter(move |(of, _)| *of == tag).map(|(_, value)| value)
    }
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let (byte, rest) = bytes.split_first().expect("a whole number");
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    value
}

fn take(bytes: &mut &[u8], count: usize) -> Vec<u8> {
    let (taken, rest) = bytes.split_at(count);
    *bytes = rest;
    taken.to_vec()
}
