//! The text of `JuliaArtifacts.toml`, in the layout of Julia's `TOML.print(…; sorted = true)`: it
//! differs from a file written by Pkg only in the bindings.

use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, Result};
use scratchrs_model::hash::{Sha256, TreeHash};
use scratchrs_model::toml_text;

use super::platform::Platform;

/// An artifact for one platform, and optionally one version of Julia.
pub(super) struct Binding {
    pub(super) name: &'static str,
    pub(super) julia_version: Option<String>,
    pub(super) tree_hash: TreeHash,
    /// The digest of the tarball.
    pub(super) sha256: Sha256,
    /// The path of the tarball.
    pub(super) url: String,
}

/// The file that binds `bindings`, which are sorted by name.
pub(super) fn to_toml(platform: &Platform, bindings: &[Binding]) -> String {
    let mut out = String::new();
    let mut previous = None;
    for binding in bindings {
        // Julia separates arrays by an empty line, but not the elements of one.
        if previous.is_some_and(|name| name != binding.name) {
            out.push('\n');
        }
        previous = Some(binding.name);
        push_binding(&mut out, platform, binding);
    }
    out
}

fn push_binding(out: &mut String, platform: &Platform, binding: &Binding) {
    let tree_hash = binding.tree_hash.to_string();
    let mut tags = platform.tags();
    tags.insert("git-tree-sha1", &tree_hash);
    tags.extend(binding.julia_version.as_deref().map(|version| ("julia_version", version)));

    push_header(out, "", binding.name);
    for (key, value) in tags {
        push_pair(out, "", key, value);
    }
    out.push('\n');
    push_header(out, "    ", &format!("{}.download", binding.name));
    push_pair(out, "    ", "sha256", &binding.sha256.to_string());
    push_pair(out, "    ", "url", &binding.url);
}

fn push_header(out: &mut String, indent: &str, path: &str) {
    // Writing to a `String` cannot fail.
    let _ = writeln!(out, "{indent}[[{path}]]");
}

fn push_pair(out: &mut String, indent: &str, key: &str, value: &str) {
    out.push_str(indent);
    toml_text::push_key(out, key);
    out.push_str(" = ");
    toml_text::push_string(out, value);
    out.push('\n');
}

/// The `file:` URL of an absolute path.
pub(super) fn file_url(path: &Path) -> Result<String> {
    let path = path.to_str().with_context(|| format!("`{}` is not Unicode", path.display()))?;
    let path =
        if cfg!(windows) { format!("/{}", path.replace('\\', "/")) } else { path.to_owned() };
    let mut url = "file://".to_owned();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/:@!$&'()*+,;=".contains(&byte) {
            url.push(byte.into());
        } else {
            let _ = write!(url, "%{byte:02X}");
        }
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::super::platform::LINUX;
    use super::*;

    fn binding(name: &'static str, julia_version: Option<&str>, byte: u8) -> Binding {
        Binding {
            name,
            julia_version: julia_version.map(str::to_owned),
            tree_hash: TreeHash([byte; 20]),
            sha256: Sha256([byte; 32]),
            url: format!("file:///{byte}.tar.gz"),
        }
    }

    /// What `TOML.print(stdout, bindings; sorted = true)` of Julia 1.10.8 printed.
    const PRINTED: &str = r#"[[libscratchrs]]
arch = "x86_64"
git-tree-sha1 = "0101010101010101010101010101010101010101"
libc = "glibc"
os = "linux"

    [[libscratchrs.download]]
    sha256 = "0101010101010101010101010101010101010101010101010101010101010101"
    url = "file:///1.tar.gz"

[[libscratchrs_jlrs]]
arch = "x86_64"
git-tree-sha1 = "0202020202020202020202020202020202020202"
julia_version = "1.10.0"
libc = "glibc"
os = "linux"

    [[libscratchrs_jlrs.download]]
    sha256 = "0202020202020202020202020202020202020202020202020202020202020202"
    url = "file:///2.tar.gz"
[[libscratchrs_jlrs]]
arch = "x86_64"
git-tree-sha1 = "0303030303030303030303030303030303030303"
julia_version = "1.11.0"
libc = "glibc"
os = "linux"

    [[libscratchrs_jlrs.download]]
    sha256 = "0303030303030303030303030303030303030303030303030303030303030303"
    url = "file:///3.tar.gz"
"#;

    #[test]
    fn bindings_are_laid_out_as_julia_does_it() {
        let bindings = [
            binding("libscratchrs", None, 1),
            binding("libscratchrs_jlrs", Some("1.10.0"), 2),
            binding("libscratchrs_jlrs", Some("1.11.0"), 3),
        ];
        assert_eq!(to_toml(&LINUX, &bindings), PRINTED);
    }

    #[test]
    #[cfg(unix)]
    fn a_url_holds_no_character_that_means_something_else() {
        let url = |path| file_url(Path::new(path)).unwrap();
        assert_eq!(url("/a/b-1.tar.gz"), "file:///a/b-1.tar.gz");
        assert_eq!(url("/my work/50%#é?"), "file:///my%20work/50%25%23%C3%A9%3F");
    }
}
