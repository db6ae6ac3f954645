//! The inputs of the readers.

use std::fmt::Write;

/// Creates a text of about this many bytes.
type Make = fn(usize) -> Vec<u8>;

/// A repeated text.
fn again(piece: &str, size: usize) -> Vec<u8> {
    behind("", piece, size)
}

/// A repeated text after a prefix.
fn behind(begin: &str, piece: &str, size: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(size + begin.len() + piece.len());
    bytes.extend(begin.as_bytes());
    while bytes.len() < size {
        bytes.extend(piece.as_bytes());
    }
    bytes
}

/// Pieces that differ in a number.
fn each(begin: &str, size: usize, piece: impl Fn(&mut String, usize)) -> Vec<u8> {
    let mut text = String::with_capacity(size + 10_000);
    text.push_str(begin);
    for number in 0.. {
        if text.len() >= size {
            break;
        }
        piece(&mut text, number);
    }
    text.into_bytes()
}

/// An input of pieces with the number `n`.
macro_rules! each {
    ($begin:expr, $piece:literal) => {
        |size| {
            each($begin, size, |text, n| {
                // Writing to a `String` cannot fail.
                let _ = write!(text, $piece, n = n);
            })
        }
    };
}

/// The inputs by name.
pub(super) const INPUTS: &[(&str, Make)] = &[
    ("`[[`", |size| again("[[", size)),
    ("`[[\"`", |size| again("[[\"", size)),
    ("`[[\"a\"]]`", |size| again("[[\"a\"]]", size)),
    ("`[[a]]` on lines", |size| again("[[a]]\n", size)),
    ("`[[n]]` on lines", each!("", "[[{n}]]\n")),
    ("`[[\"n\"]]` on lines", each!("", "[[\"{n}\"]]\n")),
    ("`[n]` on lines", each!("", "[{n}]\n")),
    ("`n = 1`", each!("", "{n} = 1\n")),
    ("`n = \"\"`", each!("", "{n} = \"\"\n")),
    ("`n = {}`", each!("", "{n} = {{}}\n")),
    ("`a = 1`", |size| again("a = 1\n", size)),
    ("`time = 1[[\"/a\"]]`", |size| again("time = 1[[\"/a\"]]", size)),
    ("`x = 1[[\"/a\"]] `", |size| again("x = 1[[\"/a\"]] ", size)),
    ("records on one line", |size| {
        again("[[\"/a/b/c\"]] parent_projects = [\"/p\"] time = 2026-11-21T01:33:41.208Z ", size)
    }),
    ("records that are cut", |size| again("[[\"/a/b/c\"]]\nparent_projects = [\"/p\", ", size)),
    ("lists in strings of lists", |size| {
        behind("[[a]]parent_projects=[", "', [[a]]parent_projects=[',", size)
    }),
    ("a list without end", |size| behind("[[a]]\nparent_projects = [", "\"[[b]]\",", size)),
    ("lists without end", |size| again("[[a]]\nparent_projects = [\"/p\",\n", size)),
    ("fields of others on one line", |size| behind("[[a]]\n", "x=[1]", size)),
    (
        "records",
        each!("", "[[\"/{n}\"]]\nparent_projects = [\"/{n}\"]\ntime = 2026-11-21T01:33:41.208Z\n"),
    ),
    ("uses of files", each!("", "[[\"/{n}\"]]\ntime = 2026-11-21T01:33:41.208Z\n")),
    ("uses of one file", |size| again("[[\"/a\"]]\ntime = 2026-11-21T01:33:41.208Z\n", size)),
    ("parents of one record", each!("[[\"/a\"]]\nparent_projects = [\"/p\"", ", \"{n}\"")),
    ("arrays in arrays", |size| behind("a = ", "[", size)),
    ("tables in tables", |size| behind("a = ", "{a=", size)),
    ("a long path", |size| behind("a", ".a", size)),
    ("a long path with a value", |size| {
        let mut bytes = behind("a", ".a", size);
        bytes.extend(b" = 1\n");
        bytes
    }),
    ("a long header", |size| {
        let mut bytes = behind("[a", ".a", size);
        bytes.extend(b"]\n");
        bytes
    }),
    ("long paths", |size| {
        each("", size, |text, n| {
            let _ = writeln!(text, "a{n}{} = 1", ".a".repeat(500));
        })
    }),
    ("an array of numbers", |size| behind("a = [", "1,", size)),
    ("an array of numbers with its end", |size| {
        let mut bytes = behind("a = [", "1,", size);
        bytes.extend(b"]\n");
        bytes
    }),
    ("an array of tables", |size| behind("a = [", "{},", size)),
    ("an array of texts", |size| behind("a = [", "\"\",", size)),
    ("one line", |size| again("x", size)),
    ("a key without end", |size| behind("\"", "x", size)),
    ("a text without end", |size| behind("a = \"", "\\u00e9", size)),
    ("a text of many lines without end", |size| behind("a = \"\"\"", "\\\n", size)),
    ("a text of quotation marks", |size| behind("a = '''", "''\n", size)),
    ("quotation marks", |size| again("\"", size)),
    ("a long number", |size| behind("a = ", "1", size)),
    ("a long number of parts", |size| behind("a = 1", "_1", size)),
    ("dots", |size| behind("a = ", ".", size)),
    ("blanks", |size| again(" ", size)),
    ("lines", |size| again("\n", size)),
    ("returns", |size| again("\r", size)),
    ("zeros", |size| again("\0", size)),
    ("bytes that are not text", |size| vec![0xff; size]),
    ("comments", |size| again("#\n", size)),
    ("conflicts", |size| again("<<<<<<< a\n=======\n>>>>>>> b\n", size)),
    ("an entry without sense", |size| again("[[a]]\nos = 1\narch = 2\n", size)),
    (
        "tags of one artifact",
        each!(
            "[[a]]\ngit-tree-sha1 = \"dddddddddddddddddddddddddddddddddddddddd\"\n\
             arch = \"x86_64\"\nos = \"linux\"\n",
            "k{n} = \"x\"\n"
        ),
    ),
    (
        "platforms of one artifact",
        each!(
            "",
            "[[a]]\narch = \"x86_64\"\ngit-tree-sha1 = \"{n:040x}\"\nk = \"{n}\"\nos = \"linux\"\n"
        ),
    ),
    ("hashes of one artifact", each!("", "[[a]]\ngit-tree-sha1 = \"{n:040x}\"\n")),
    ("artifacts", each!("", "[a{n}]\ngit-tree-sha1 = \"{n:040x}\"\n")),
    (
        "downloads of one artifact",
        each!(
            "[a]\ngit-tree-sha1 = \"dddddddddddddddddddddddddddddddddddddddd\"\n",
            "[[a.download]]\nsha256 = \"{n:064x}\"\nurl = \"u\"\n"
        ),
    ),
    (
        "packages",
        each!(
            "manifest_format = \"2.0\"\n",
            "[[deps.P{n:08}]]\ngit-tree-sha1 = \"{n:040x}\"\n\
             uuid = \"7876af07-990d-54b4-ab0e-{n:012x}\"\n"
        ),
    ),
    (
        "packages of Julia's own",
        each!("", "[[{n:07}]]\nuuid = \"7876af07-990d-54b4-ab0e-{n:012x}\"\n"),
    ),
    ("packages of one name", each!("", "[[a]]\nuuid = \"7876af07-990d-54b4-ab0e-{n:012x}\"\n")),
    (
        "packages out of order",
        each!(
            "[[z]]\nuuid = \"7876af07-990d-54b4-ab0e-23690620f79a\"\n",
            "[[{n}]]\nuuid = \"7876af07-990d-54b4-ab0e-{n:012x}\"\n"
        ),
    ),
    (
        "trees of one package",
        each!(
            "[[A]]\nuuid = \"7876af07-990d-54b4-ab0e-23690620f79a\"\n",
            "git-tree-sha1 = \"{n:040x}\"\n"
        ),
    ),
    (
        "dependencies of one package",
        each!(
            "manifest_format = \"2.0\"\n\n[[deps.A]]\n\
             uuid = \"7876af07-990d-54b4-ab0e-23690620f79a\"\n[deps.A.deps]\n",
            "K{n:06} = \"7876af07-990d-54b4-ab0e-23690620f79a\"\n"
        ),
    ),
    ("one dependency again and again", |size| {
        let begin = "[[A]]\nuuid = \"7876af07-990d-54b4-ab0e-23690620f79a\"\ndeps = [\"A\"";
        let mut bytes = behind(begin, ", \"A\"", size);
        bytes.extend(b"]\n");
        bytes
    }),
    ("sources of packages", |size| {
        let uuid = "uuid = \"7876af07-990d-54b4-ab0e-23690620f79a\"";
        again(&format!("[[A]]\n{uuid}\nrepo-url = \"u\"\n"), size)
    }),
    ("sources of one package", |size| {
        let uuid = "uuid = \"7876af07-990d-54b4-ab0e-23690620f79a\"";
        behind(&format!("[[A]]\n{uuid}\n"), "repo-url = \"u\"\n", size)
    }),
    ("overrides one after the other", |size| {
        each("", size, |text, n| {
            let _ = writeln!(text, "{n:040x} = \"{:040x}\"", n + 1);
        })
    }),
    ("overrides without sense", each!("", "{n} = \"x\"\n")),
    ("orphans", each!("", "\"{n}\" = 2026-11-21T23:04:53Z\n")),
    ("orphans behind a torn line", each!("\"\n", "\"{n}\" = 2026-11-21T23:04:53Z\n")),
    ("names in the store", each!("", "[{n}]\nsha256 = \"{n:064x}\"\n")),
    ("headers in a text", |size| {
        let mut bytes = behind("[a]\nx = \"\"\"\n", "[a]\n", size);
        bytes.extend(b"\"\"\"\n");
        bytes
    }),
    ("a record of a tree", each!("link hardlink\n", "40000 {n}\n")),
    ("lines of the store's logs without a check", |size| {
        again("2024-01-02T03:04:05.006Z \"a\" \"b\" 0\n", size)
    }),
];
