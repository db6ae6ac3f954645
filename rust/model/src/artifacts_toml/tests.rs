use super::*;

const IRIS: &str = "dbd04e28be047a54fbe9bf67e934be5b5e0d357a";
const OTHER: &str = "43563e7631a7eafae1f9f8d9d332e3de44ad7239";

fn linux() -> Platform {
    "x86_64-linux-gnu-libgfortran5".parse().unwrap()
}

fn diagnostics(bindings: &Bindings) -> Vec<String> {
    bindings.diagnostics().iter().map(|diagnostic| diagnostic.to_string()).collect()
}

#[test]
fn a_file_is_read() {
    let text = format!(
        "[iris]\ngit-tree-sha1 = \"{upper}\"\nlazy = true\nfuture = {{a = 1}}\n\n    [[iris.download]]\n    \
         sha256 = \"{sha}\"\n    url = \"https://a\"\n    size = 7\n\n\
         [[tool]]\narch = \"x86_64\"\ngit-tree-sha1 = \"{OTHER}\"\nos = \"linux\"\n\
         [[tool]]\narch = \"x86_64\"\ngit-tree-sha1 = \"{IRIS}\"\nos = \"windows\"\n",
        upper = IRIS.to_uppercase(),
        sha = "0".repeat(64),
    );
    let bindings = Bindings::read(&text).unwrap();
    assert_eq!(diagnostics(&bindings), [""; 0]);
    assert_eq!(bindings.names().collect::<Vec<_>>(), ["iris", "tool"]);
    let iris = bindings.select("iris", &linux()).unwrap().unwrap();
    assert_eq!(iris.hash.to_string(), IRIS);
    assert!(iris.lazy);
    assert_eq!(iris.line, 1);
    let download = &iris.downloads.as_ref().unwrap()[0];
    assert_eq!((download.url.as_str(), download.size), ("https://a", Some(7)));
    let tool = bindings.select("tool", &linux()).unwrap().unwrap();
    assert_eq!((tool.hash.to_string().as_str(), tool.line), (OTHER, 11));
    assert_eq!(tool.downloads, None);
    let mac = "aarch64-apple-darwin".parse().unwrap();
    assert_eq!(bindings.select("tool", &mac), Ok(None));
    assert_eq!(bindings.select("nothing", &linux()), Ok(None));
    assert_eq!(bindings.entries("tool").len(), 2);
}

#[test]
fn what_is_not_toml_says_where() {
    for (text, place) in [
        ("[iris\n", (1, 6)),
        ("[iris]\nx = \n", (2, 5)),
        ("[iris]\n\n[iris]\n", (3, 2)),
        ("a = 1\nb = 2\na = 3\n", (3, 1)),
    ] {
        let diagnostic = Bindings::read(text).unwrap_err();
        assert_eq!(
            (diagnostic.line, diagnostic.column),
            (Some(place.0), Some(place.1)),
            "{diagnostic}"
        );
    }
}

#[test]
fn an_invalid_entry_has_a_diagnostic_and_the_others_are_valid() {
    let text = format!(
        "number = 3\n[good]\ngit-tree-sha1 = \"{IRIS}\"\nlazy = 1\ndownload = [{{url = \"u\"}}, 3]\n\
         [none]\n[short]\ngit-tree-sha1 = \"abc\"\n[[array]]\nos = \"linux\"\n\
         git-tree-sha1 = \"{IRIS}\"\n[[array]]\narch = \"x86_64\"\nos = \"linux\"\nnote = \"a b\"\n\
         git-tree-sha1 = \"{IRIS}\"\n"
    );
    let bindings = Bindings::read(&text).unwrap();
    let diagnostics = diagnostics(&bindings);
    let expected = [
        "1:10: artifact `number` is integer: expected a table, or an array of tables",
        "4:8: artifact `good`: `lazy` is neither true nor false",
        "5:13: artifact `good`: missing `sha256`: expected 64 hexadecimal digits",
        "5:20: artifact `good`: invalid `url` `u`: expected an address that begins with `https:`, `http:` or `file:`",
        "5:26: artifact `good`: invalid `download`: expected a table",
        "6:1: artifact `none`: missing `git-tree-sha1`",
        "8:17: artifact `short`: `git-tree-sha1`: invalid hash `abc`: expected 40 hexadecimal digits, got 3",
        "9:1: artifact `array`, for one platform, has no `arch`",
        "12:1: artifact `array`: the platform tag `note = \"a b\"` has a ` `, which no tag can have",
    ];
    assert_eq!(diagnostics, expected);
    let select = |name: &str| bindings.select(name, &linux());
    assert_eq!(select("good").unwrap().unwrap().downloads, Some(vec![]));
    for name in ["number", "none", "short", "array"] {
        assert!(select(name).is_err(), "{name}");
    }
}

#[test]
fn the_best_fit_is_not_passed_over_because_it_is_broken() {
    let text = format!(
        "[[tool]]\narch = \"x86_64\"\nos = \"linux\"\ngit-tree-sha1 = \"{IRIS}\"\n\
         [[tool]]\narch = \"x86_64\"\nos = \"linux\"\nlibgfortran_version = \"5\"\ngit-tree-sha1 = \"x\"\n"
    );
    let bindings = Bindings::read(&text).unwrap();
    assert!(bindings.select("tool", &linux()).is_err());
    let plain = "x86_64-linux-gnu".parse().unwrap();
    assert!(bindings.select("tool", &plain).unwrap().is_some());
}

#[test]
fn platforms_that_clash_are_found_out() {
    let entry =
        |hash| format!("[[tool]]\narch = \"x86_64\"\nos = \"linux\"\ngit-tree-sha1 = \"{hash}\"\n");
    let bindings = Bindings::read(&(entry(IRIS) + &entry(OTHER))).unwrap();
    let expected = "5:1: artifact `tool` is bound twice for x86_64-linux-gnu: the last counts";
    assert_eq!(diagnostics(&bindings), [expected]);
    let tool = bindings.select("tool", &linux()).unwrap().unwrap();
    assert_eq!(tool.hash.to_string(), OTHER);
}

#[test]
fn an_empty_array_stands_for_nothing() {
    let bindings = Bindings::read("tool = []\n").unwrap();
    assert_eq!(bindings.select("tool", &linux()), Ok(None));
    assert_eq!(diagnostics(&bindings), [""; 0]);
}
