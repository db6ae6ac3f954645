//! Finds items by their paths and names.

use std::collections::HashSet;
use std::path::is_separator;
use std::str::Split;

use smallvec::SmallVec;

use crate::aliases::PathAliases;
use crate::hash::TreeHash;
use crate::slug::Slug;

use super::depot::{Depot, Kind};

/// The index of a depot, and the index of an item in it.
pub type Position = (usize, usize);

/// The components of a path.
type Names<'p> = Split<'p, fn(char) -> bool>;

/// Finds items by their paths and names.
#[derive(Debug)]
pub struct Places<'a> {
    /// The paths of the depots, each with the index of its depot.
    paths: Vec<(&'a str, usize)>,
    depots: &'a [Depot],
    aliases: &'a PathAliases,
}

impl<'a> Places<'a> {
    /// Finds items of `depots`, by their paths and those in `aliases`.
    pub fn of(depots: &'a [Depot], aliases: &'a PathAliases) -> Self {
        let paths = depots.iter().enumerate().flat_map(|(index, depot)| {
            let paths = std::iter::once(&depot.path).chain(&depot.aliases);
            paths.map(move |path| (path.as_str(), index))
        });
        let mut paths: Vec<_> = paths.collect();
        // A depot may lie in another one: the longer path is the nearer depot.
        paths.sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
        Self { paths, depots, aliases }
    }

    /// The depot that contains `path`, and the rest of the path.
    fn locate<'p>(&self, path: &'p str) -> Option<(usize, Names<'p>)> {
        self.paths.iter().find_map(|(depot, index)| {
            let rest = path.strip_prefix(depot)?.strip_prefix(is_separator)?;
            Some((*index, rest.split(is_separator as fn(char) -> bool)))
        })
    }

    /// The items of `kind` that `path` is, or is in, by it or one of its aliases.
    pub(super) fn items(&self, kind: Kind, path: &str) -> SmallVec<[Position; 1]> {
        let aliases = self.aliases.of(path).iter().map(String::as_str);
        std::iter::once(path).chain(aliases).filter_map(|path| self.item(kind, path)).collect()
    }

    /// The item of `kind` that `path` is, or is in, by its text. A space is found by its own path
    /// only.
    pub fn item(&self, kind: Kind, path: &str) -> Option<Position> {
        let (depot, mut names) = self.locate(path)?;
        // Only the file system can resolve `..`.
        if names.clone().any(|name| name == "..") {
            return None;
        }
        if names.next() != Some(kind.directory()) {
            return None;
        }
        let place = &self.depots[depot];
        let item = match kind {
            Kind::Package => place.package(names.next()?, names.next()?),
            Kind::Artifact => place.artifact(names.next()?.parse().ok()?),
            Kind::Space => {
                let item = place.space(names.next()?, names.next()?);
                item.filter(|_| names.next().is_none())
            }
            Kind::Clone => None,
        };
        item.map(|item| (depot, item))
    }

    /// Whether `path` is only in packages of `deletable`.
    pub(super) fn is_in(&self, deletable: &HashSet<Position>, path: &str) -> bool {
        if deletable.is_empty() {
            return false;
        }
        let packages = self.items(Kind::Package, path);
        !packages.is_empty() && packages.iter().all(|package| deletable.contains(package))
    }

    /// The directory of a package: the first in the order in which Pkg searches.
    pub(super) fn package(&self, name: &str, slug: &Slug) -> Option<Position> {
        [slug.as_str(), slug.legacy()].into_iter().find_map(|slug| {
            let mut depots = self.depots.iter().enumerate();
            depots.find_map(|(index, depot)| Some((index, depot.package(name, slug)?)))
        })
    }

    /// The index of an artifact in each depot that has it, in the order of the stack.
    pub(super) fn artifacts(&self, hash: TreeHash) -> impl Iterator<Item = Position> {
        let depots = self.depots.iter().enumerate();
        depots.filter_map(move |(index, depot)| Some((index, depot.artifact(hash)?)))
    }
}
