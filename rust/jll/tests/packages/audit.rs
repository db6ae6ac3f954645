//! What the audit finds.

use scratchrs_fs::Progress;
use scratchrs_jll::audit::{Audit, Check, Expectation, audit};
use scratchrs_jll::binary::GlibcVersion;
use scratchrs_jll::{Dependency, Product};

use crate::workshop::{ANY_GLIBC, FOO, Folder, HOST};

/// What a folder is audited against.
struct Terms {
    platform: &'static str,
    products: &'static [&'static str],
    dependencies: &'static [&'static str],
    glibc: GlibcVersion,
}

const TERMS: Terms = Terms { platform: HOST, products: &[], dependencies: &[], glibc: ANY_GLIBC };

impl Terms {
    fn audit(&self, folder: &Folder) -> Audit {
        let platform = self.platform.parse().unwrap();
        let products: Vec<Product> = self.products.iter().map(|it| it.parse().unwrap()).collect();
        let dependencies: Vec<Dependency> =
            self.dependencies.iter().map(|it| it.parse().unwrap()).collect();
        let expectation = Expectation {
            platform: Some(&platform),
            products: &products,
            dependencies: &dependencies,
            depots: &[],
            glibc: self.glibc,
        };
        audit(folder.path(), &expectation, &Progress::default()).unwrap()
    }

    /// Fails unless the audit has one error, of a file, with this text.
    #[track_caller]
    fn has_error(&self, folder: &Folder, check: Check, path: Option<&str>, text: &str) {
        let errors = self.audit(folder).errors;
        let [error] = errors.as_slice() else { panic!("{errors:#?}") };
        assert_eq!((error.check, error.path.as_deref()), (check, path), "{error:?}");
        assert!(error.message.contains(text), "{error:?}");
    }
}

#[test]
fn what_serves_elsewhere_has_no_findings() {
    let terms = Terms {
        products: &["library:libfoo", "executable:foo", "file:share/foo.txt", "file:share"],
        ..TERMS
    };
    let expected = Audit { binaries: 2, ..Audit::default() };
    assert_eq!(terms.audit(&Folder::of_foo()), expected);
}

#[test]
fn missing_products_are_named() {
    let folder = Folder::of_foo();
    let check = |products, text: &str| {
        let terms = Terms { products, ..TERMS };
        terms.has_error(&folder, Check::Product, None, text);
    };
    check(&["library:libbar"], "`library:libbar` is missing");
    check(&["executable:bar"], "`executable:bar` is missing");
    check(&["file:share/bar"], "`file:share/bar` is missing");
    // A file that nobody may execute is not a program.
    folder.write("bin/script", "#!/bin/sh");
    check(&["executable:script"], "`executable:script` is missing");
}

#[test]
fn binaries_of_other_machines_are_errors() {
    let folder = Folder::new();
    folder.compile("lib/libfoo.so", FOO, &["-shared", "-Wl,-soname,libfoo.so"]);
    let other = if cfg!(target_arch = "x86_64") { "aarch64" } else { "x86_64" };
    for platform in [
        "aarch64-linux-gnu",
        "aarch64-apple-darwin",
        "x86_64-w64-mingw32",
        "x86_64-unknown-freebsd",
    ] {
        if !(platform.contains("linux") && other == "x86_64") {
            let terms = Terms { platform, ..TERMS };
            let text = format!(
                "not for {}",
                platform.parse::<scratchrs_model::platform::Platform>().unwrap()
            );
            terms.has_error(&folder, Check::Architecture, Some("lib/libfoo.so"), &text);
        }
    }
}

#[test]
fn damaged_binaries_are_errors() {
    let folder = Folder::new();
    folder.write("lib/libfoo.so", b"\x7fELF\x02\x01\x01");
    TERMS.has_error(&folder, Check::Architecture, Some("lib/libfoo.so"), "is damaged");
}

#[test]
fn libraries_have_a_soname_under_which_they_are_found() {
    let folder = Folder::new();
    folder.compile("lib/libfoo.so", FOO, &["-shared"]);
    TERMS.has_error(&folder, Check::Soname, Some("lib/libfoo.so"), "it has no soname");
    folder.compile("lib/libfoo.so", FOO, &["-shared", "-Wl,-soname,libfoo.so.2"]);
    let text = "its soname is `libfoo.so.2`, and no file of that name is beside it";
    TERMS.has_error(&folder, Check::Soname, Some("lib/libfoo.so"), text);
    scratchrs_testkit::symlink("libfoo.so", folder.path().join("lib/libfoo.so.2"));
    assert_eq!(TERMS.audit(&folder).errors, []);
    // Plugins are found by their path.
    let plugins = Folder::new();
    plugins.compile("lib/foo/plugin.so", FOO, &["-shared"]);
    assert_eq!(TERMS.audit(&plugins).errors, []);
}

#[test]
fn run_paths_are_relative() {
    let folder = Folder::new();
    let build = |run_path: &str| {
        let flags = ["-shared", "-Wl,-soname,libfoo.so", &format!("-Wl,-rpath,{run_path}")];
        folder.compile("lib/libfoo.so", FOO, &flags);
    };
    build("$ORIGIN/../lib");
    assert_eq!(TERMS.audit(&folder).errors, []);
    build("$ORIGIN:/opt/build/lib");
    let text = "the run path `/opt/build/lib`";
    TERMS.has_error(&folder, Check::RunPath, Some("lib/libfoo.so"), text);
}

#[test]
fn no_binary_names_the_directory_in_which_it_was_built() {
    let folder = Folder::new();
    let prefix = folder.path().to_str().unwrap().to_owned();
    let source = format!("const char *prefix(void) {{ return \"{prefix}/share\"; }}");
    folder.compile("lib/libfoo.so", &source, &["-shared", "-Wl,-soname,libfoo.so"]);
    TERMS.has_error(&folder, Check::BuildPath, Some("lib/libfoo.so"), &prefix);
    // A text may be there for those who build with it.
    let texts = Folder::new();
    texts.write("lib/pkgconfig/foo.pc", format!("prefix={}", texts.path().display()));
    let found = TERMS.audit(&texts);
    assert_eq!((found.errors.len(), found.warnings[0].check), (0, Check::BuildPath));
}

#[test]
fn a_newer_glibc_is_an_error() {
    let folder = Folder::new();
    let source = "#include <stdio.h>\nint main(void) { return puts(\"\"); }";
    folder.compile("bin/foo", source, &[]);
    let terms = Terms { glibc: "2.1".parse().unwrap(), ..TERMS };
    terms.has_error(&folder, Check::Glibc, Some("bin/foo"), "puts@GLIBC_2.");
}

#[test]
fn needed_libraries_are_of_the_system_the_artifact_or_a_dependency() {
    let folder = Folder::of_foo();
    let others = Folder::of_foo();
    std::fs::remove_dir_all(folder.path().join("lib")).unwrap();
    let text = "it needs the library `libfoo.so.1`, which no dependency has";
    TERMS.has_error(&folder, Check::Dependency, Some("bin/foo"), text);
    assert_eq!(Terms { dependencies: &["Foo_jll:libfoo"], ..TERMS }.audit(&folder).errors, []);
    let other = Terms { dependencies: &["Bar_jll:libbar"], ..TERMS };
    other.has_error(&folder, Check::Dependency, Some("bin/foo"), text);
    // Its libraries are unknown.
    let found = Terms { dependencies: &["Foo_jll"], ..TERMS }.audit(&folder);
    assert_eq!((found.errors.len(), found.warnings[0].check), (0, Check::Dependency));
    assert_eq!(TERMS.audit(&others).errors, []);
}

#[test]
fn links_stay_in_the_folder() {
    let folder = Folder::new();
    scratchrs_testkit::symlink("/etc/passwd", folder.path().join("absolute"));
    TERMS.has_error(&folder, Check::Link, Some("absolute"), "`/etc/passwd`");
    let dangling = Folder::new();
    scratchrs_testkit::symlink("nothing", dangling.path().join("dangling"));
    let found = TERMS.audit(&dangling);
    assert_eq!((found.errors.len(), found.warnings[0].check), (0, Check::Link));
}

#[test]
fn an_artifact_for_all_platforms_has_no_binaries() {
    let expectation = Expectation {
        platform: None,
        products: &[],
        dependencies: &[],
        depots: &[],
        glibc: ANY_GLIBC,
    };
    let found = audit(Folder::of_foo().path(), &expectation, &Progress::default()).unwrap();
    assert_eq!(found.errors.len(), 2);
    assert!(found.errors[0].message.contains("has no binaries"), "{:?}", found.errors);
}

#[test]
fn libraries_for_windows_are_beside_programs() {
    const COMPILER: &str = "x86_64-w64-mingw32-gcc";
    if std::process::Command::new(COMPILER).arg("--version").output().is_err() {
        return scratchrs_testkit::skip("libraries_for_windows", "MinGW is missing");
    }
    let folder = Folder::new();
    folder.compile_with(COMPILER, "bin/libfoo-1.dll", FOO, &["-shared"]);
    folder.compile_with(COMPILER, "bin/foo.exe", "int main(void) { return 0; }", &[]);
    let products = &["library:libfoo", "executable:foo"];
    let terms = Terms { platform: "x86_64-w64-mingw32", products, ..TERMS };
    let expected = Audit { binaries: 2, ..Audit::default() };
    assert_eq!(terms.audit(&folder), expected);
}
