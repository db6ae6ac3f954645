//! Tables, as texts.

use scratchrs_core::{Result, document};
use toml::{Table, Value};

/// See [`document::read`]. A value is two texts or more: the first letter of its type; then the
/// value itself or, of a table and an array, how many values are in it, and then each of these. In
/// a table, each has its key before it. A file that is missing has no texts.
///
/// # Errors
///
/// As there.
pub fn read_toml(file: &str) -> Result<Vec<String>> {
    Ok(document::read(file)?.map(table_texts).unwrap_or_default())
}

/// A table as texts.
pub(super) fn table_texts(table: Table) -> Vec<String> {
    let mut texts = Vec::new();
    push_table(&mut texts, table);
    texts
}

fn push_table(texts: &mut Vec<String>, table: Table) {
    texts.extend(["t".to_owned(), table.len().to_string()]);
    for (key, value) in table {
        texts.push(key);
        push_value(texts, value);
    }
}

fn push_value(texts: &mut Vec<String>, value: Value) {
    let (letter, text) = match value {
        Value::Table(table) => return push_table(texts, table),
        Value::Array(values) => {
            texts.extend(["a".to_owned(), values.len().to_string()]);
            return values.into_iter().for_each(|value| push_value(texts, value));
        }
        Value::String(text) => ("s", text),
        Value::Integer(number) => ("i", number.to_string()),
        Value::Float(number) => ("f", number.to_string()),
        Value::Boolean(truth) => ("b", truth.to_string()),
        Value::Datetime(time) => ("d", time.to_string()),
    };
    texts.extend([letter.to_owned(), text]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_told_in_order() {
        let table = "a = [1, 2.5]\n[b]\nc = true\nd = 1979-05-27\n".parse().unwrap();
        let mut texts = Vec::new();
        push_table(&mut texts, table);
        assert_eq!(texts.join(" "), "t 2 a a 2 i 1 f 2.5 b t 2 c b true d d 1979-05-27");
    }
}
