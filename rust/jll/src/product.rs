//! Products: what a JLL package gives its users, and where it is in an artifact.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use scratchrs_model::platform::Platform;
use serde::Serialize;

use crate::name;
use crate::tree::Tree;

/// A product.
///
/// ```
/// # use scratchrs_jll::{Product, ProductKind};
/// let product: Product = "library:libz,zlib".parse()?;
/// assert_eq!(product.kind, ProductKind::Library);
/// assert_eq!(product.names, ["libz", "zlib"]);
/// assert_eq!(product.variable, "libz");
/// # Ok::<(), scratchrs_jll::InvalidProduct>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    /// Its kind.
    pub kind: ProductKind,
    /// The names that it may have: of a library without its version and extension, of an executable without `.exe`; of
    /// a file its path in the artifact.
    pub names: Vec<String>,
    /// The name of its variable.
    pub variable: String,
    /// Whether a library is loaded together with the package.
    pub is_loaded: bool,
}

/// The kind of a product, in the order of a wrapper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProductKind {
    /// A shared library, in `lib`, or in `bin` for Windows.
    Library,
    /// A program in `bin`.
    Executable,
    /// Any file or directory.
    File,
}

/// A text that is not a product.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidProduct(String);

impl Product {
    /// The path of the product in an artifact, with slashes.
    pub(crate) fn locate(&self, tree: &Tree, platform: Option<&Platform>) -> Option<String> {
        let os = platform.and_then(|platform| platform.tag("os")).unwrap_or("linux");
        match self.kind {
            ProductKind::Library => self.locate_library(tree, os),
            ProductKind::Executable => self.names.iter().find_map(|name| {
                let extension =
                    if os == "windows" && !name.ends_with(".exe") { ".exe" } else { "" };
                let path = format!("bin/{name}{extension}");
                let is_program = os == "windows" || tree.is_executable(&path);
                (tree.is_file(&path) && is_program).then_some(path)
            }),
            ProductKind::File => self.names.iter().find(|path| tree.exists(path)).cloned(),
        }
    }

    /// As BinaryBuilder: the first file, in the order of names, whose name without version and extension is one of the
    /// product's.
    fn locate_library(&self, tree: &Tree, os: &str) -> Option<String> {
        let is_of_product = |file: &str| {
            library_stem(file, os).is_some_and(|stem| self.names.iter().any(|name| name == stem))
        };
        let directories: &[&str] = if os == "windows" { &["bin"] } else { &["lib", "lib64"] };
        directories.iter().find_map(|directory| {
            let found = tree.files_in(directory).find(|file| is_of_product(file))?;
            Some(format!("{directory}/{found}"))
        })
    }
}

/// The name of a library without version and extension, by the rules of `parse_dl_name_version` in Julia's
/// `base/binaryplatforms.jl`; `None` if a file of this name is not a library there.
pub(crate) fn library_stem<'a>(file: &'a str, os: &str) -> Option<&'a str> {
    let is_version = |text: &str| text.chars().all(|c| c.is_ascii_digit() || c == '.');
    match os {
        "windows" => {
            let name = file.strip_suffix(".dll")?;
            match name.rsplit_once('-') {
                Some((stem, version)) if is_version(version) => Some(stem),
                _ => Some(name),
            }
        }
        "macos" => {
            let mut stem = file.strip_suffix(".dylib")?;
            while let Some((rest, number)) = stem.rsplit_once('.') {
                if number.is_empty() || !number.chars().all(|c| c.is_ascii_digit()) {
                    break;
                }
                stem = rest;
            }
            Some(stem)
        }
        _ => {
            let (stem, version) = file.split_once(".so")?;
            let is_empty_or_numbers = version.is_empty()
                || (version.starts_with('.') && is_version(version) && !version.ends_with('.'));
            is_empty_or_numbers.then_some(stem)
        }
    }
}

/// Fails if two products give the package the same name.
pub(crate) fn check_names(products: &[Product]) -> Result<(), InvalidProduct> {
    let mut given = BTreeMap::new();
    for product in products {
        let variable = &product.variable;
        let mut names =
            vec![variable.clone(), format!("{variable}_path"), format!("get_{variable}_path")];
        if product.kind == ProductKind::Library {
            names.push(format!("{variable}_handle"));
        }
        for name in names {
            if let Some(other) = given.insert(name.clone(), product) {
                return Err(InvalidProduct(format!(
                    "the products `{other}` and `{product}` both define `{name}`: name the variable of one, as in \
                     `{product}=another_name`"
                )));
            }
        }
    }
    Ok(())
}

impl FromStr for Product {
    type Err = InvalidProduct;

    /// Reads `<kind>:<name>[,<name>…][=<variable>]`, where the kind is `library`, `executable` or `file`. The variable
    /// of a file is the last part of its path, with `_` for other characters than letters and digits.
    fn from_str(text: &str) -> Result<Self, InvalidProduct> {
        let invalid =
            |problem: String| InvalidProduct(format!("invalid product `{text}`: {problem}"));
        let expected =
            || invalid("expected `library:`, `executable:` or `file:` and a name".to_owned());
        let (kind, rest) = text.split_once(':').ok_or_else(expected)?;
        let kind = match kind {
            "library" => ProductKind::Library,
            "executable" => ProductKind::Executable,
            "file" => ProductKind::File,
            _ => return Err(expected()),
        };
        let (names, variable) = match rest.split_once('=') {
            Some((names, variable)) => (names, Some(variable.to_owned())),
            None => (rest, None),
        };
        let names: Vec<String> = names.split(',').map(str::to_owned).collect();
        for name in &names {
            let parts = || name.split('/');
            let is_in_tree =
                parts().all(|part| !matches!(part, "" | "." | "..")) && !name.contains('\\');
            if !is_in_tree || (kind != ProductKind::File && parts().count() > 1) {
                let what = match kind {
                    ProductKind::File => {
                        "a path in the artifact, with `/`, such as `share/foo.txt`"
                    }
                    ProductKind::Library => {
                        "the name of a library without directory, such as `libfoo`"
                    }
                    ProductKind::Executable => "the name of a program in `bin`, such as `foo`",
                };
                return Err(invalid(format!("expected {what}")));
            }
        }
        let is_given = variable.is_some();
        let variable = variable.unwrap_or_else(|| variable_of(&names[0], kind));
        name::check_variable(&variable).map_err(|problem| {
            let end = if is_given { "" } else { "; name its variable, as in" };
            let example = if is_given { String::new() } else { format!(" `{text}=my_name`") };
            invalid(format!("{problem}{end}{example}"))
        })?;
        Ok(Self { kind, names, variable, is_loaded: true })
    }
}

fn variable_of(name: &str, kind: ProductKind) -> String {
    match kind {
        ProductKind::File => {
            let last = name.rsplit('/').next().unwrap_or(name);
            last.replace(|character: char| !character.is_ascii_alphanumeric(), "_")
        }
        _ => name.to_owned(),
    }
}

impl Display for Product {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind, self.names.join(","))
    }
}

impl Display for ProductKind {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Library => "library",
            Self::Executable => "executable",
            Self::File => "file",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product(text: &str) -> Product {
        text.parse().unwrap()
    }

    #[test]
    fn names_of_libraries_have_versions() {
        for (file, os, stem) in [
            ("libz.so", "linux", Some("libz")),
            ("libz.so.1.2.13", "linux", Some("libz")),
            ("libz.so.x", "linux", None),
            ("libz.sock", "linux", None),
            ("libz.so.", "linux", None),
            ("libz.1.2.dylib", "macos", Some("libz")),
            ("libz.dylib", "macos", Some("libz")),
            ("libQt5.core.dylib", "macos", Some("libQt5.core")),
            ("libz.so", "macos", None),
            ("libnettle-6.dll", "windows", Some("libnettle")),
            ("libstdc++-6.dll", "windows", Some("libstdc++")),
            ("sfml-audio-2.dll", "windows", Some("sfml-audio")),
            ("sfml-audio.dll", "windows", Some("sfml-audio")),
            ("libz.so.1", "freebsd", Some("libz")),
        ] {
            assert_eq!(library_stem(file, os), stem, "{file} on {os}");
        }
    }

    #[test]
    fn variables_have_the_name_of_the_product_or_their_own() {
        assert_eq!(product("library:libz,zlib").variable, "libz");
        assert_eq!(product("executable:7z=sevenzip").variable, "sevenzip");
        assert_eq!(product("file:share/foo-1.txt").variable, "foo_1_txt");
        assert_eq!(product("file:share/foo.txt").names, ["share/foo.txt"]);
    }

    #[test]
    fn invalid_products_say_what_was_expected() {
        for (text, expected) in [
            ("libz", "expected `library:`, `executable:` or `file:` and a name"),
            ("lib:libz", "expected `library:`, `executable:` or `file:` and a name"),
            ("library:lib/libz", "expected the name of a library without directory"),
            ("library:", "expected the name of a library"),
            ("file:../x", "expected a path in the artifact"),
            ("file:/etc/passwd", "expected a path in the artifact"),
            ("executable:bin/foo", "expected the name of a program in `bin`"),
            (
                "executable:7z",
                "`7z` is not an identifier of Julia; name its variable, as in `executable:7z=my_name`",
            ),
            ("executable:foo=end", "`end` is a word of Julia"),
        ] {
            let message = text.parse::<Product>().unwrap_err().to_string();
            assert!(message.starts_with(&format!("invalid product `{text}`: ")), "{message}");
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn two_products_of_one_name_are_refused() {
        let both = |a, b| check_names(&[product(a), product(b)]);
        both("library:libfoo", "executable:foo").unwrap();
        let error = both("library:foo", "executable:foo").unwrap_err().to_string();
        assert!(error.contains("`library:foo` and `executable:foo` both define `foo`"), "{error}");
        both("library:libfoo", "file:share/x=libfoo_path").unwrap_err();
    }
}
