//! The name of a clone's directory below `clones/`.
//!
//! It is what Julia's `hash` gives for the URL or path that was cloned, in decimal digits (Pkg,
//! `Types.jl: add_repo_cache_path`). That hash is MurmurHash3 in Julia up to 1.12, and another one
//! in later versions, which cannot be predicted.

/// What Julia up to 1.12 gives its hash as a seed for strings, on a machine with 64 bits.
const SEED: u64 = 0x71e7_29fd_5641_9c81;

/// The name that Julia up to 1.12 gives to the clone of `source`, on a machine with 64 bits.
///
/// ```
/// # use scratchrs_model::clone_name::clone_name;
/// let name = clone_name("https://github.com/JuliaLang/Example.jl.git");
/// assert_eq!(name, "4643033083726148914");
/// ```
pub fn clone_name(source: &str) -> String {
    // Reading from memory cannot fail. The second half of the hash is the one that Julia takes.
    let hash = murmur3::murmur3_x64_128(&mut source.as_bytes(), SEED as u32).unwrap_or_default();
    ((hash >> 64) as u64).wrapping_add(SEED).to_string()
}

/// Whether some version of Julia may give the clone of a URL or path this `name`.
///
/// The clone of a registered package is named by its UUID instead.
pub fn is_hashed(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit())
}

/// The source of a clone, from its file `config`.
///
/// ```
/// # use scratchrs_model::clone_name::origin;
/// let config = "[core]\n\tbare = true\n[remote \"origin\"]\n\turl = /tmp/Foo\n";
/// assert_eq!(origin(config), Some("/tmp/Foo"));
/// ```
pub fn origin(config: &str) -> Option<&str> {
    let mut lines = config.lines().map(str::trim);
    lines.find(|line| *line == "[remote \"origin\"]")?;
    lines.take_while(|line| !line.starts_with('[')).find_map(|line| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == "url").then_some(value.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As computed by Julia 1.5.3 and 1.10.
    #[test]
    fn names_are_julias() {
        for (source, name) in [
            ("https://github.com/JuliaLang/Example.jl.git", "4643033083726148914"),
            ("", "13633231208144796923"),
            ("/tmp/Foo", "11698965807936228651"),
        ] {
            assert_eq!(clone_name(source), name, "{source:?}");
            assert!(is_hashed(name));
        }
        assert!(!is_hashed("7876af07-990d-54b4-ab0e-23690620f79a") && !is_hashed(""));
    }
}
