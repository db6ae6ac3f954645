use std::fmt::Write;

use proptest::prelude::*;

use super::*;

/// Writes each event on a line.
#[derive(Default)]
struct Transcript(String);

impl<'t> Receiver<'t> for Transcript {
    fn receive(&mut self, place: Place<'_, 't>, event: Event<'t>) -> Step {
        let keys: Vec<&str> = (0..place.path.len()).map(|index| place.path.key(index)).collect();
        let Place { arrays, at, .. } = place;
        writeln!(self.0, "{at} {} {arrays} {event:?}", keys.join("/")).unwrap();
        Ok(())
    }
}

fn transcript(text: &str) -> Result<String, Diagnostic> {
    let mut transcript = Transcript::default();
    read(text, &mut transcript).map(|()| transcript.0)
}

#[test]
fn each_value_has_its_path() {
    let text = "a.b = [1, [\"x\"], {c = 'y', d = []}]\n[\"t t\"]\nk = 2024-01-02 03:04:05\n[[e.f]]\nx.y.z.w = true\n";
    let expected = "\
        6 a/b 0 OpenArray\n\
        7 a/b 1 Scalar(Integer(1))\n\
        10 a/b 1 OpenArray\n\
        11 a/b 2 Scalar(Text(\"x\"))\n\
        10 a/b 1 Close\n\
        17 a/b 1 OpenTable\n\
        22 a/b/c 0 Scalar(Text(\"y\"))\n\
        31 a/b/d 0 OpenArray\n\
        31 a/b/d 0 Close\n\
        17 a/b 1 Close\n\
        6 a/b 0 Close\n\
        36 t t 0 Table\n";
    let found = transcript(text).unwrap();
    assert!(found.starts_with(expected), "{found}");
    assert!(found.contains(" e/f 0 Element\n"), "{found}");
    assert!(found.contains(" e/f/x/y// 0 Scalar(Boolean(true))\n"), "{found}");
}

#[test]
fn what_is_defined_twice_is_told_twice() {
    let text = "a = 1\na = 2\n[b]\n[b]\n[[b]]\n";
    assert_eq!(transcript(text).unwrap().lines().count(), 5);
}

#[test]
fn an_error_has_its_place() {
    for (text, place) in [
        ("a = 1\nb = \n", "2:5"),
        ("a = 1 b = 2\n", "1:7"),
        ("[a\n", "1:3"),
        ("[ [a]]\n", "1:3"),
        ("a = \"x\n", "1:7"),
        ("a = [1,, 2]\n", "1:8"),
        ("a = {b = 1, b}\n", "1:14"),
        ("a = 2024-13-01\n", "1:5"),
        ("a = 99999999999999999999\n", "1:5"),
        ("a = 1\r", "1:7"),
        ("\0", "1:1"),
        ("# \u{1}\n", "1:3"),
    ] {
        let diagnostic = transcript(text).expect_err(text);
        assert!(
            diagnostic.to_string().starts_with(&format!("{place}: ")),
            "{text:?}: {diagnostic}"
        );
    }
}

/// Neither nesting nor the length of a path costs stack or memory.
#[test]
fn depth_costs_nothing() {
    let deep = |open: &str| format!("a = {}", open.repeat(1 << 18));
    assert!(transcript(&deep("[")).is_err());
    assert!(transcript(&deep("{a=")).is_err());
    assert!(read(&format!("[{}a]\n", "a.".repeat(1 << 18)), &mut Anything).is_ok());
    assert!(read(&format!("{}a = 1\n", "a.".repeat(1 << 18)), &mut Anything).is_ok());
}

/// Whether the `toml` crate refuses a text only because of a repetition.
fn is_repetition(error: &toml::de::Error) -> bool {
    let message = error.message();
    message.contains("duplicate key") || message.contains("cannot extend")
}

/// Pieces of TOML and of damaged TOML.
pub(crate) fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => prop::sample::select(vec![
            "[", "]", "[[", "]]", "{", "}", "=", " = ", ",", ".", "\n", "\r\n", "\r", " ", "\t", "#",
            "\"", "'", "\"\"\"", "'''", "\\", "\\n", "\\u00e9", "\\U0001F600", "\\x41", "a", "b-c", "1", "-1", "+0",
            "0x1F", "1_000", "1.5", "1e3", "inf", "nan", "true", "false", "2024-01-02",
            "2024-01-02T03:04:05Z", "03:04:05", "\0", "\u{7f}", "é", "\u{feff}", "a = 1\n", "[t]\n", "[[t]]\n", "x = \"y\"\n",
            "  [[t.u]]\n", "[[\"/a b\"]]\r\n", "y = [\"p\", \"q\"]\n", "z = false\n", "w = 2024-01-02T03:04:05.678Z\n",
        ])
        .prop_map(str::to_owned),
        1 => "[a-z=\\[\\]{}\", .\n#0-9]{0,6}",
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// The scalars of a text, each with its path, sorted.
#[derive(Default)]
struct Scalars(Vec<String>);

impl Scalars {
    fn add<'k>(&mut self, keys: impl Iterator<Item = &'k str>, scalar: &str) {
        let keys: Vec<&str> = keys.take(STORED_KEYS).collect();
        self.0.push(format!("{keys:?} {scalar}"));
    }

    fn add_value(&mut self, path: &mut Vec<String>, value: &toml::Value) {
        let keys = path.clone();
        let mut add = |scalar: &str| self.add(keys.iter().map(String::as_str), scalar);
        match value {
            toml::Value::String(text) => add(&format!("{text:?}")),
            toml::Value::Integer(number) => add(&number.to_string()),
            toml::Value::Float(_) => add("float"),
            toml::Value::Boolean(value) => add(&value.to_string()),
            toml::Value::Datetime(time) => add(&time.to_string()),
            toml::Value::Array(values) => values.iter().for_each(|it| self.add_value(path, it)),
            toml::Value::Table(table) => {
                for (key, value) in table {
                    path.push(key.clone());
                    self.add_value(path, value);
                    path.pop();
                }
            }
        }
    }
}

impl<'t> Receiver<'t> for Scalars {
    fn receive(&mut self, place: Place<'_, 't>, event: Event<'t>) -> Step {
        let scalar = match event {
            Event::Scalar(Scalar::Text(text)) => format!("{text:?}"),
            Event::Scalar(Scalar::Integer(number)) => number.to_string(),
            Event::Scalar(Scalar::Float) => "float".to_owned(),
            Event::Scalar(Scalar::Boolean(value)) => value.to_string(),
            Event::Scalar(Scalar::Time(time)) => time.to_string(),
            _ => return Ok(()),
        };
        let stored = place.path.len().min(STORED_KEYS);
        self.add((0..stored).map(|index| place.path.key(index)), &scalar);
        Ok(())
    }
}

proptest! {
    /// The events of a text have the values of its tree.
    #[test]
    fn the_events_are_those_of_the_tree(text in pieces()) {
        if let Ok(table) = text.parse::<toml::Table>() {
            let (mut events, mut tree) = (Scalars::default(), Scalars::default());
            read(&text, &mut events).expect("TOML is read");
            tree.add_value(&mut Vec::new(), &toml::Value::Table(table));
            events.0.sort();
            tree.0.sort();
            prop_assert_eq!(events.0, tree.0, "{:?}", text);
        }
    }

    /// A text is read without an error if and only if it is TOML, except for repetitions.
    #[test]
    fn it_reads_toml_and_nothing_else(text in pieces()) {
        let found = read(&text, &mut Anything);
        match (found, text.parse::<toml::Table>()) {
            (Ok(()), Ok(_)) => {}
            (Ok(()), Err(error)) => prop_assert!(is_repetition(&error), "{text:?}: {error}"),
            (Err(diagnostic), Ok(_)) => prop_assert!(false, "{text:?}: {diagnostic}"),
            (Err(_), Err(_)) => {}
        }
    }
}
