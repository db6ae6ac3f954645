//! `scratchrs jll`: what its users see. What is made and found is tested in the crate `scratchrs-jll`.

use crate::lab::{Lab, Run, json};

/// A lab with the folder `built`, which has a file and a licence.
fn lab() -> Lab {
    let lab = Lab::new();
    lab.write("built/share/words.txt", "a\n");
    lab.write("built/share/licenses/Words/LICENSE", "MIT\n");
    lab
}

const MAKE: [&str; 10] = [
    "jll",
    "Words",
    "--version",
    "1.2",
    "--product",
    "file:share/words.txt",
    "--url-base",
    "https://example.org/words/",
    "--output",
    "made",
];

#[test]
fn a_package_is_made() {
    let lab = lab();
    let run = lab.run(&[&MAKE[..], &["any=built"]].concat());
    let tarball = "[ROOT]/made/products/Words.v1.2.0.any.tar.gz";
    assert_eq!((run.code, run.stdout), (0, format!("{tarball}\n[ROOT]/made/Words_jll\n")));
    assert!(run.stderr.starts_with("Made Words_jll v1.2.0+0: 1 tarball, "), "{}", run.stderr);
    let hash = lab.result(&["hash", tarball, "--only", "git-tree-sha1"]);
    assert_eq!(lab.result(&["hash", "built", "--only", "git-tree-sha1"]), hash);
    let bound = lab.read("made/Words_jll/Artifacts.toml");
    assert!(
        bound.contains("url = \"https://example.org/words/Words.v1.2.0.any.tar.gz\""),
        "{bound}"
    );
    let again = lab.run(&[&MAKE[..], &["any=built"]].concat());
    let expected = "error: `[ROOT]/made/Words_jll` exists\n\
                    hint: `--force` replaces the files of the package; or pass another directory: `--output DIR`\n";
    assert_eq!(again, Run::failed(1, expected));
    assert_eq!(lab.run(&[&MAKE[..], &["any=built", "--force"]].concat()).code, 0);
}

#[test]
fn a_package_is_described_as_json() {
    let lab = lab();
    let made = json(&lab.result(&[&MAKE[..], &["any=built", "--json"]].concat()));
    assert_eq!(made["name"], "Words_jll");
    assert_eq!(made["version"], "1.2.0+0");
    assert_eq!(made["tarballs"][0]["platform"], "any");
    assert_eq!(made["warnings"], serde_json::json!([]));
}

#[test]
fn what_the_audit_finds_is_printed_and_nothing_is_written() {
    let lab = lab();
    let run = lab.run(&[&MAKE[..], &["any=built", "--product", "library:libwords"]].concat());
    let expected = "error: the audit found 1 error: nothing was written\n\
                    \x20 any: the product `library:libwords` is missing\n\
                    \x20   libraries are searched in `[ROOT]/built/lib`, which has nothing\n";
    assert_eq!(run, Run::failed(1, expected));
    assert!(!lab.exists("made"));
}

#[test]
fn an_audit_is_printed() {
    let lab = lab();
    lab.write("built/lib/libwords.so", b"\x7fELF");
    let run = lab.run(&["jll", "audit", "built", "--platform", "x86_64-linux-gnu"]);
    let finding = "x86_64-linux-gnu: lib/libwords.so: the ELF file is damaged: ";
    assert!(run.stdout.starts_with(finding), "{}", run.stdout);
    assert_eq!((run.code, run.stderr.as_str()), (1, "error: the audit found 1 error\n"));
    let sound = lab.run(&["jll", "audit", "built/share", "--platform", "x86_64-linux-gnu"]);
    let expected = "note: x86_64-linux-gnu: it has no licence in `share/licenses/<name>`\n\
                    0 binary files serve on other machines\n";
    assert_eq!((sound.code, sound.stderr.as_str()), (0, expected));
}

#[test]
fn invalid_arguments_say_what_was_expected() {
    let lab = lab();
    for (arguments, expected) in [
        (&["any=built", "--product", "words"][..], "expected `library:`, `executable:` or `file:`"),
        (&["any=built", "--dependency", "Zlib"], "expected a JLL package"),
        (&["any=built", "--glibc", "new"], "expected two numbers, such as 2.17"),
        (&["built"], "expected a platform and a folder, such as x86_64-linux-gnu=build/linux"),
        (&["pdp11-linux-gnu=built"], "pdp11"),
        (&["any=missing"], "is not a directory"),
        (&["any=built", "--dont-dlopen", "x"], "no product has the variable `x`"),
    ] {
        let run = lab.run(&[&MAKE[..], arguments].concat());
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{arguments:?}");
        assert!(run.stderr.contains(expected), "{}", run.stderr);
    }
    let run = lab.run(&["jll", "7z", "--version", "1", "--url-base", "https://a.b/c", "any=built"]);
    assert!(run.stderr.contains("letters, digits and `_`, a letter first"), "{}", run.stderr);
}
