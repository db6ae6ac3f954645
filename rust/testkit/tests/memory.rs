//! Peak memory of the readers of `model` on inputs that need much. A child process reads each and reports its
//! peak.
#![cfg(target_os = "linux")]
#![expect(clippy::disallowed_methods, reason = "tests prepare files themselves")]
#![expect(clippy::unwrap_used, reason = "a failed setup fails the test")]

use std::fmt::Write;
use std::fs;
use std::hint::black_box;

use scratchrs_model::artifacts_toml::{BindOptions, Bindings, bind, named_hashes};
use scratchrs_model::generation::Generated;
use scratchrs_model::hash::TreeHash;
use scratchrs_model::manifest::ManifestReader;
use scratchrs_model::store::bindings;
use scratchrs_testkit::{peak_of, print_peak};

const SIZE: usize = 2 << 20;

/// A text of pieces that differ in a number.
fn text(begin: &str, piece: fn(&mut String, usize) -> std::fmt::Result) -> String {
    let mut text = String::with_capacity(SIZE + 1024);
    text.push_str(begin);
    for number in 0.. {
        if text.len() >= SIZE {
            break;
        }
        piece(&mut text, number).unwrap();
    }
    text
}

const ARTIFACT: &str = "arch = \"x86_64\"\nos = \"linux\"\n\
                        git-tree-sha1 = \"dddddddddddddddddddddddddddddddddddddddd\"\n";

type Make = fn() -> String;

/// Texts that take much memory for their size.
const INPUTS: &[(&str, Make)] = &[
    ("headers", || text("", |text, n| writeln!(text, "[{n}]"))),
    ("numbers", || text("", |text, n| writeln!(text, "{n} = 1"))),
    ("an array of tables", || text("a = [", |text, _| text.write_str("{},")) + "]\n"),
    ("an array of numbers", || text("a = [", |text, _| text.write_str("1,")) + "]\n"),
    ("artifacts", || text("", |text, n| writeln!(text, "[a{n}]\ngit-tree-sha1 = \"{n:040x}\""))),
    ("names", || text("", |text, n| writeln!(text, "[{n}]\nsha256 = \"{n:064x}\""))),
    ("downloads", || {
        text(&format!("[a]\n{ARTIFACT}"), |text, n| {
            writeln!(text, "[[a.download]]\nsha256 = \"{n:064x}\"\nurl = \"http:u\"")
        })
    }),
    ("tags", || text(&format!("[[a]]\n{ARTIFACT}"), |text, n| writeln!(text, "k{n} = \"x\""))),
    ("platforms", || text("", |text, n| writeln!(text, "[[a]]\n{ARTIFACT}k = \"{n}\""))),
];

type Read = fn(&str);

const READERS: &[(&str, Read)] = &[
    ("nothing", |_| {}),
    ("artifact file", |text| drop(black_box(named_hashes(text.as_bytes())))),
    ("manifest", |text| drop(black_box(ManifestReader::default().read(text.as_bytes())))),
    ("artifact file, all fields", |text| {
        if let Ok(bindings) = Bindings::read(text) {
            black_box(bindings.diagnostics().len());
        }
    }),
    ("artifact file, edited", |text| {
        drop(black_box(bind(text, "new", TreeHash([7; 20]), BindOptions::default())));
    }),
    ("bindings of the store", |text| drop(black_box(bindings::Bindings::read(text.as_bytes())))),
    ("bindings of the store, one removed", |text| {
        if let Ok(mut bindings) = bindings::Bindings::read(text.as_bytes()) {
            let name = bindings.iter().next().map(|(name, _)| name.to_owned());
            black_box(bindings.remove(name.as_deref()));
        }
    }),
    ("record of a generation", |text| drop(black_box(Generated::parse(text)))),
];

/// The file in the working directory of a child with the numbers of its reader and its input.
const NUMBERS: &str = "numbers";

/// The peak of a child process in KiB.
fn peak(reader: usize, input: usize) -> f64 {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join(NUMBERS), format!("{reader} {input}")).unwrap();
    peak_of("child_reads", directory.path()) as f64
}

/// Apart from the text itself.
#[test]
fn memory_is_at_most_four_times_the_text() {
    let mut found = Vec::new();
    for (input, (text, _)) in INPUTS.iter().enumerate() {
        let without = peak(0, input);
        for (reader, (name, _)) in READERS.iter().enumerate().skip(1) {
            let times = (peak(reader, input) - without) * 1024.0 / SIZE as f64;
            found.push((times, *name, *text));
        }
    }
    let over: Vec<_> = found.iter().filter(|(times, ..)| *times > 4.0).collect();
    assert!(over.is_empty(), "{over:#?}");
}

#[test]
#[ignore = "a child of the test above"]
fn child_reads() {
    let numbers = fs::read_to_string(NUMBERS).unwrap();
    let (reader, input) = numbers.split_once(' ').unwrap();
    let text = INPUTS[input.parse::<usize>().unwrap()].1();
    READERS[reader.parse::<usize>().unwrap()].1(&text);
    print_peak();
}
