//! Writes tiny MaxMind-format files for the tests of all record layouts.
//!
//! The format: a binary tree over address bits with 24-bit records, 16 zero bytes, the data section, a marker and the
//! metadata. Pointers in the data section are not used.

use std::net::IpAddr;
use std::path::Path;

/// A value of a record.
#[derive(Clone)]
pub enum Value {
    Text(&'static str),
    Map(Vec<(&'static str, Value)>),
    List(Vec<Value>),
    Short(u16),
    Number(u32),
    Long(u64),
    Flag(bool),
    Double(f64),
    Single(f32),
}

impl Value {
    fn write(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Text(text) => {
                header(bytes, 2, text.len());
                bytes.extend_from_slice(text.as_bytes());
            }
            Self::Map(fields) => {
                header(bytes, 7, fields.len());
                for (name, value) in fields {
                    Self::Text(name).write(bytes);
                    value.write(bytes);
                }
            }
            Self::List(items) => {
                header(bytes, 11, items.len());
                items.iter().for_each(|item| item.write(bytes));
            }
            Self::Short(number) => {
                header(bytes, 5, 2);
                bytes.extend_from_slice(&number.to_be_bytes());
            }
            Self::Long(number) => {
                header(bytes, 9, 8);
                bytes.extend_from_slice(&number.to_be_bytes());
            }
            Self::Double(number) => {
                header(bytes, 3, 8);
                bytes.extend_from_slice(&number.to_be_bytes());
            }
            Self::Single(number) => {
                header(bytes, 15, 4);
                bytes.extend_from_slice(&number.to_be_bytes());
            }
            // The size is the value.
            Self::Flag(flag) => header(bytes, 14, usize::from(*flag)),
            Self::Number(number) => {
                header(bytes, 6, 4);
                bytes.extend_from_slice(&number.to_be_bytes());
            }
        }
    }
}

fn header(bytes: &mut Vec<u8>, kind: u8, size: usize) {
    assert!(size < 285);
    let short = size.min(29) as u8;
    if kind > 7 {
        bytes.extend_from_slice(&[short, kind - 7]);
    } else {
        bytes.push(kind << 5 | short);
    }
    if size >= 29 {
        bytes.push((size - 29) as u8);
    }
}

#[derive(Clone, Copy)]
enum Branch {
    Nothing,
    Node(usize),
    Data(usize),
}

/// Writes `records` (address, prefix length, record) as a file for addresses of `ip_version` 4 or 6.
pub fn write(path: &Path, kind: &'static str, ip_version: u16, records: &[(&str, u32, Value)]) {
    let mut data = Vec::new();
    let mut nodes = vec![[Branch::Nothing; 2]];
    for (address, prefix, record) in records {
        let offset = data.len();
        record.write(&mut data);
        let (bits, width) = match address.parse::<IpAddr>().expect("an address") {
            IpAddr::V4(address) => (u128::from(u32::from(address)), if ip_version == 4 { 32 } else { 128 }),
            IpAddr::V6(address) => (u128::from(address), 128),
        };
        // Where the tree is for IPv6, IPv4 lies at ::/96.
        let depth = if ip_version == 6 && !address.contains(':') { prefix + 96 } else { *prefix };
        let mut node = 0;
        for step in 0..depth {
            let side = (bits >> (width - 1 - step) & 1) as usize;
            if step + 1 == depth {
                nodes[node][side] = Branch::Data(offset);
            } else if let Branch::Node(next) = nodes[node][side] {
                node = next;
            } else {
                nodes.push([Branch::Nothing; 2]);
                nodes[node][side] = Branch::Node(nodes.len() - 1);
                node = nodes.len() - 1;
            }
        }
    }
    let mut file = Vec::new();
    for branch in nodes.iter().flatten() {
        let record = match *branch {
            Branch::Nothing => nodes.len(),
            Branch::Node(next) => next,
            Branch::Data(offset) => nodes.len() + 16 + offset,
        };
        file.extend_from_slice(&(record as u32).to_be_bytes()[1..]);
    }
    file.extend_from_slice(&[0; 16]);
    file.extend_from_slice(&data);
    file.extend_from_slice(b"\xab\xcd\xefMaxMind.com");
    Value::Map(vec![
        ("binary_format_major_version", Value::Short(2)),
        ("binary_format_minor_version", Value::Short(0)),
        ("build_epoch", Value::Long(1_780_000_000)),
        ("database_type", Value::Text(kind)),
        ("description", Value::Map(Vec::new())),
        ("ip_version", Value::Short(ip_version)),
        ("languages", Value::List(Vec::new())),
        ("node_count", Value::Number(nodes.len() as u32)),
        ("record_size", Value::Short(24)),
    ])
    .write(&mut file);
    std::fs::write(path, file).expect("a writable folder");
}
