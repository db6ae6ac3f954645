//! The choice of an artifact for a host, some of whose tags may be unknown.

use std::collections::BTreeSet;

use super::{Binding, Bindings, Entry, Readable};
use crate::diagnostic::Diagnostic;
use crate::hash::TreeHash;
use crate::platform::Platform;

/// The tags of a host that only a running Julia can determine.
const OF_JULIA: [&str; 5] =
    ["cxxstring_abi", "julia_version", "libgfortran_version", "libstdcxx_version", "os_version"];

/// The host that artifacts are chosen for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    platform: Platform,
    is_complete: bool,
}

impl Host {
    /// A platform that a user or a running Julia has named: it has no other tags.
    pub fn given(platform: Platform) -> Self {
        Self { platform, is_complete: true }
    }

    /// This machine, without the tags that only a running Julia can determine.
    pub fn without_julia(platform: Platform) -> Self {
        Self { platform, is_complete: false }
    }

    /// Its known tags.
    pub fn platform(&self) -> &Platform {
        &self.platform
    }
}

/// The artifact that a name is bound to on a host.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Chosen<'a> {
    /// The platform of the binding, or `None` for all platforms.
    pub platform: Option<&'a Platform>,
    /// The entry.
    pub entry: &'a Entry,
}

/// Why no artifact is chosen for a bound name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unchosen {
    /// The entry is invalid.
    Invalid(Diagnostic),
    /// It depends on unknown tags of the host.
    Undecided(Undecided),
}

/// A choice that depends on unknown tags of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undecided {
    /// The tags, sorted.
    pub tags: Vec<String>,
    /// The candidates.
    pub hashes: Vec<TreeHash>,
    /// Whether all candidates are lazy.
    pub is_lazy: bool,
}

/// An entry for the platforms that match a host.
struct Candidate<'a> {
    platform: &'a Platform,
    entry: &'a Readable<Entry>,
    /// Its tags that the host does not have.
    unsaid: Vec<&'a str>,
}

impl Candidate<'_> {
    fn hash(&self) -> Option<TreeHash> {
        self.entry.as_ref().ok().map(|entry| entry.hash)
    }

    fn asks_julia(&self) -> bool {
        self.unsaid.iter().any(|tag| OF_JULIA.contains(tag))
    }
}

impl Bindings {
    /// The artifact of a name on a host, as a running Julia there would choose it. `None` if the
    /// name is not bound, or not for this host.
    ///
    /// # Errors
    ///
    /// If the entry is invalid, or depends on an unknown tag of the host: one that only Julia can
    /// determine, or one that is unknown to Julia too, such as `mpi`.
    pub fn choose(&self, name: &str, host: &Host) -> Result<Option<Chosen<'_>>, Unchosen> {
        let chosen = self.select(name, &host.platform);
        let chosen = chosen.map_err(|diagnostic| Unchosen::Invalid(diagnostic.clone()))?;
        let Some(entry) = chosen else { return Ok(None) };
        let Some(Binding::ByPlatform(entries)) = self.names.get(name) else {
            return Ok(Some(Chosen { platform: None, entry }));
        };
        let candidates = candidates(entries, &host.platform);
        let is_chosen = |candidate: &&Candidate<'_>| {
            candidate.entry.as_ref().is_ok_and(|one| std::ptr::eq(one, entry))
        };
        let Some(chosen) = candidates.iter().find(is_chosen) else { return Ok(None) };
        match undecided(chosen, &candidates) {
            Some(undecided) if !host.is_complete => Err(Unchosen::Undecided(undecided)),
            _ => Ok(Some(Chosen { platform: Some(chosen.platform), entry })),
        }
    }
}

fn candidates<'a>(
    entries: &'a [(Readable<Platform>, Readable<Entry>)],
    host: &Platform,
) -> Vec<Candidate<'a>> {
    let readable = entries.iter().filter_map(|(platform, entry)| {
        let platform = platform.as_ref().ok().filter(|platform| platform.matches(host))?;
        let unsaid = platform.tags().map(|(tag, _)| tag).filter(|tag| host.tag(tag).is_none());
        Some(Candidate { platform, entry, unsaid: unsaid.collect() })
    });
    readable.collect()
}

/// The unknown tags on which the choice of `chosen` depends: with these tags, Julia could choose
/// another one.
fn undecided(chosen: &Candidate<'_>, candidates: &[Candidate<'_>]) -> Option<Undecided> {
    let is_rival =
        |candidate: &&Candidate<'_>| candidate.asks_julia() && candidate.hash() != chosen.hash();
    let rivals: Vec<_> = candidates.iter().filter(is_rival).collect();
    let tags: BTreeSet<&str> = chosen
        .unsaid
        .iter()
        .chain(
            rivals
                .iter()
                .flat_map(|rival| rival.unsaid.iter().filter(|tag| OF_JULIA.contains(tag))),
        )
        .copied()
        .collect();
    if tags.is_empty() {
        return None;
    }
    let entries = || candidates.iter().filter_map(|candidate| candidate.entry.as_ref().ok());
    let hashes: BTreeSet<TreeHash> = entries().map(|entry| entry.hash).collect();
    Some(Undecided {
        tags: tags.into_iter().map(str::to_owned).collect(),
        hashes: hashes.into_iter().collect(),
        is_lazy: entries().all(|entry| entry.lazy),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file that binds `x` for x86_64 Linux with these tags, to artifacts of these digits.
    fn bindings(entries: &[(&str, u8)]) -> Bindings {
        let entry = |(tags, digit): &(&str, u8)| {
            format!(
                "[[x]]\narch = \"x86_64\"\nos = \"linux\"\n{tags}\ngit-tree-sha1 = \"{digit:040}\"\n"
            )
        };
        Bindings::read(&entries.iter().map(entry).collect::<String>()).unwrap()
    }

    fn linux(tags: &str) -> Platform {
        format!("x86_64-linux-gnu{tags}").parse().unwrap()
    }

    /// The digit of the artifact, or the tags that the choice depends on.
    fn chosen(entries: &[(&str, u8)], host: &Host) -> Result<u8, String> {
        match bindings(entries).choose("x", host) {
            Ok(Some(chosen)) => Ok(chosen.entry.hash.to_string().parse().unwrap()),
            Ok(None) => Err("nothing".to_owned()),
            Err(Unchosen::Undecided(undecided)) => Err(undecided.tags.join(", ")),
            Err(Unchosen::Invalid(diagnostic)) => Err(diagnostic.to_string()),
        }
    }

    const CXX11: &str = "cxxstring_abi = \"cxx11\"";
    const CXX03: &str = "cxxstring_abi = \"cxx03\"";
    const GFORTRAN4: &str = "libgfortran_version = \"4.0.0\"";
    const GFORTRAN5: &str = "libgfortran_version = \"5.0.0\"";
    const CUDA: &str = "cuda = \"11\"";

    #[test]
    fn nothing_is_guessed_without_julia() {
        let host = Host::without_julia(linux(""));
        let undecided = |tags: &str| Err(tags.to_owned());
        for (entries, expected) in [
            (&[("", 1)][..], Ok(1)),
            (&[(GFORTRAN4, 1), (GFORTRAN5, 2)], undecided("libgfortran_version")),
            (&[(CXX11, 1), (CXX03, 2)], undecided("cxxstring_abi")),
            // It may be for another libgfortran than that of the Julia here.
            (&[(GFORTRAN5, 1)], undecided("libgfortran_version")),
            // A Julia with libgfortran 5 takes the second, others the first.
            (&[("", 1), (GFORTRAN5, 2)], undecided("libgfortran_version")),
            (&[("", 1), (GFORTRAN5, 1)], Ok(1)),
            (&[("", 1), (GFORTRAN4, 1), (CXX11, 2)], undecided("cxxstring_abi")),
            // Julia takes what has no tag that its host lacks.
            (&[("", 1), (CUDA, 2)], Ok(1)),
            (&[(CUDA, 1), ("cuda = \"12\"", 2)], undecided("cuda")),
            (&[(CUDA, 1)], undecided("cuda")),
            (&[("mpi = \"mpich\"", 1), (GFORTRAN5, 2)], undecided("libgfortran_version, mpi")),
            (&[("libc = \"musl\"", 1)], undecided("nothing")),
            (&[("libc = \"musl\"", 1), ("libc = \"glibc\"", 2)], Ok(2)),
        ] {
            // `nothing` means that nothing is bound for the host.
            assert_eq!(chosen(entries, &host), expected, "{entries:?}");
        }
    }

    #[test]
    fn what_a_host_names_decides() {
        let entries = [(GFORTRAN4, 1), (GFORTRAN5, 2)];
        let given = |tags| Host::given(linux(tags));
        assert_eq!(chosen(&entries, &given("-libgfortran4")), Ok(1));
        assert_eq!(chosen(&entries, &given("")), Ok(2), "the greatest triplet, as in Julia");
        assert_eq!(chosen(&entries, &Host::without_julia(linux("-libgfortran4"))), Ok(1));
        let entries = [("mpi = \"mpich\"", 1), ("mpi = \"openmpi\"", 2)];
        assert_eq!(chosen(&entries, &given("-mpi+mpich")), Ok(1));
    }

    #[test]
    fn what_cannot_be_decided_is_told_with_what_it_is_between() {
        let lazy = format!("{GFORTRAN4}\nlazy = true");
        let undecided = |entries: &[(&str, u8)]| match bindings(entries)
            .choose("x", &Host::without_julia(linux("")))
        {
            Err(Unchosen::Undecided(undecided)) => undecided,
            other => panic!("{other:?}"),
        };
        let found = undecided(&[(&lazy, 1), (GFORTRAN5, 2)]);
        assert_eq!(found.hashes.len(), 2);
        assert!(!found.is_lazy);
        assert!(undecided(&[(&lazy, 1)]).is_lazy);
    }

    #[test]
    fn an_invalid_entry_is_told_rather_than_passed_over() {
        let text = "[[x]]\narch = \"x86_64\"\nos = \"linux\"\ngit-tree-sha1 = \"abc\"\n";
        let bindings = Bindings::read(text).unwrap();
        let found = bindings.choose("x", &Host::without_julia(linux("")));
        assert!(matches!(found, Err(Unchosen::Invalid(diagnostic)) if diagnostic.line == Some(4)));
    }
}
