//! The tree of an archive, as far as it was read.
//!
//! One table holds the names of all directories, and no function recurses: the cost is linear in
//! the length of the names, also for a directory with a million files or one that is ten thousand
//! levels deep. An entry takes some 80 bytes and its name.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};
use scratchrs_model::hash::TreeHash;

use crate::record::{Content, TreeRecord};

/// The index of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct NodeId(u32);

/// The root of the tree.
pub(super) const ROOT: NodeId = NodeId(0);

/// The index of the contents of a file; hard links share it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ContentsId(u32);

/// The content of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Directory,
    File {
        contents: ContentsId,
        executable: bool,
    },
    Symlink(TextRange),
    /// Removed, with the directory that contained it.
    Removed,
}

/// A range of the texts of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TextRange {
    at: usize,
    length: u32,
}

/// The tree of an archive.
pub(super) struct Tree {
    nodes: Vec<Stored>,
    /// The names of entries and the texts of links.
    texts: Vec<u8>,
    /// All entries except the root, by parent and name.
    table: HashTable<NodeId>,
    hasher: DefaultHashBuilder,
    contents: Vec<Contents>,
}

struct Stored {
    node: Node,
    name: TextRange,
    parent: NodeId,
    /// The first entry of a directory; `ROOT` means none, since it has no parent.
    first_child: NodeId,
    /// The next entry of the same directory, or `ROOT`.
    next_sibling: NodeId,
}

#[derive(Clone, Copy)]
struct Contents {
    size: u64,
    /// Set when the contents are hashed.
    blob: Option<TreeHash>,
}

impl Tree {
    pub(super) fn new() -> Self {
        let name = TextRange { at: 0, length: 0 };
        let root = Stored {
            node: Node::Directory,
            name,
            parent: ROOT,
            first_child: ROOT,
            next_sibling: ROOT,
        };
        Self {
            nodes: vec![root],
            texts: Vec::new(),
            table: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            contents: Vec::new(),
        }
    }

    pub(super) fn node(&self, id: NodeId) -> Node {
        self.nodes[id.0 as usize].node
    }

    pub(super) fn parent(&self, id: NodeId) -> NodeId {
        self.nodes[id.0 as usize].parent
    }

    pub(super) fn name(&self, id: NodeId) -> &[u8] {
        self.text(self.nodes[id.0 as usize].name)
    }

    pub(super) fn text(&self, range: TextRange) -> &[u8] {
        &self.texts[range.at..][..range.length as usize]
    }

    fn add_text(&mut self, text: &[u8]) -> TextRange {
        let at = self.texts.len();
        self.texts.extend_from_slice(text);
        TextRange { at, length: text.len() as u32 }
    }

    fn hash(&self, parent: NodeId, name: &[u8]) -> u64 {
        self.hasher.hash_one((parent, name))
    }

    /// The entry `name` of the directory `parent`.
    pub(super) fn child(&self, parent: NodeId, name: &[u8]) -> Option<NodeId> {
        let same = |id: &NodeId| self.parent(*id) == parent && self.name(*id) == name;
        self.table.find(self.hash(parent, name), same).copied()
    }

    /// Adds an entry to a directory without one of this name.
    pub(super) fn insert(&mut self, parent: NodeId, name: &[u8], node: Node) -> NodeId {
        let id = NodeId(self.nodes.len() as u32);
        let hash = self.hash(parent, name);
        let name = self.add_text(name);
        let directory = &mut self.nodes[parent.0 as usize];
        let next_sibling = std::mem::replace(&mut directory.first_child, id);
        self.nodes.push(Stored { node, name, parent, first_child: ROOT, next_sibling });
        let Self { nodes, texts, hasher, table, .. } = self;
        let rehash = |id: &NodeId| {
            let Stored { name, parent, .. } = &nodes[id.0 as usize];
            hasher.hash_one((*parent, &texts[name.at..][..name.length as usize]))
        };
        table.insert_unique(hash, id, rehash);
        id
    }

    /// Replaces an entry, and removes the entries below it. Returns the size in bytes of the
    /// removed files.
    pub(super) fn replace(&mut self, id: NodeId, node: Node) -> u64 {
        let removed = self.remove_children(id) + self.file_size(id);
        self.nodes[id.0 as usize].node = node;
        removed
    }

    fn file_size(&self, id: NodeId) -> u64 {
        match self.node(id) {
            Node::File { contents, .. } => self.size(contents),
            Node::Directory | Node::Symlink(_) | Node::Removed => 0,
        }
    }

    fn remove_children(&mut self, id: NodeId) -> u64 {
        let mut removed = 0;
        let mut pending = vec![id];
        while let Some(directory) = pending.pop() {
            let stored = &mut self.nodes[directory.0 as usize];
            let mut child = std::mem::replace(&mut stored.first_child, ROOT);
            while child != ROOT {
                let hash = self.hash(directory, self.name(child));
                if let Ok(entry) = self.table.find_entry(hash, |id| *id == child) {
                    entry.remove();
                }
                pending.push(child);
                removed += self.file_size(child);
                let stored = &mut self.nodes[child.0 as usize];
                stored.node = Node::Removed;
                child = stored.next_sibling;
            }
        }
        removed
    }

    /// Adds the target of a symbolic link.
    pub(super) fn symlink(&mut self, target: &[u8]) -> Node {
        Node::Symlink(self.add_text(target))
    }

    /// Adds contents without a hash.
    pub(super) fn add_contents(&mut self, size: u64) -> ContentsId {
        self.contents.push(Contents { size, blob: None });
        ContentsId(self.contents.len() as u32 - 1)
    }

    pub(super) fn size(&self, id: ContentsId) -> u64 {
        self.contents[id.0 as usize].size
    }

    /// Sets the hash of contents.
    pub(super) fn set_blob(&mut self, id: ContentsId, blob: TreeHash) {
        self.contents[id.0 as usize].blob = Some(blob);
    }

    /// The path of an entry relative to the root, its components separated by slashes.
    pub(super) fn path(&self, id: NodeId) -> Vec<u8> {
        let mut above: Vec<_> = self.ancestry(id).collect();
        above.reverse();
        above.iter().map(|id| self.name(*id)).collect::<Vec<_>>().join(&b'/')
    }

    /// The entry and the directories above it, without the root.
    fn ancestry(&self, id: NodeId) -> impl Iterator<Item = NodeId> {
        std::iter::successors(Some(id), |id| Some(self.parent(*id))).take_while(|id| *id != ROOT)
    }

    /// Whether an entry is `above`, or is below it.
    pub(super) fn is_in(&self, id: NodeId, above: NodeId) -> bool {
        above == ROOT || self.ancestry(id).any(|id| id == above)
    }

    /// The directories above an entry, without the root.
    pub(super) fn above(&self, id: NodeId) -> impl Iterator<Item = NodeId> {
        self.ancestry(id).skip(1)
    }

    /// All entries that are not removed, without the root; directories come before their entries.
    pub(super) fn ids(&self) -> impl Iterator<Item = NodeId> {
        (1..self.nodes.len() as u32).map(NodeId).filter(|id| self.node(*id) != Node::Removed)
    }

    /// The entries of a directory.
    pub(super) fn children(&self, id: NodeId) -> impl Iterator<Item = NodeId> {
        let some = |id: NodeId| (id != ROOT).then_some(id);
        let first = some(self.nodes[id.0 as usize].first_child);
        std::iter::successors(first, move |id| some(self.nodes[id.0 as usize].next_sibling))
    }

    /// The record of the tree, for its hash: without `.git`, and without directories without files.
    ///
    /// All contents must be hashed.
    pub(super) fn record(&self) -> TreeRecord {
        struct Open {
            children: std::vec::IntoIter<NodeId>,
            path_length: usize,
            entries_before: usize,
            has_files_in_git: bool,
        }
        let open = |id, path_length, entries_before| Open {
            children: self.in_git_order(id).into_iter(),
            path_length,
            entries_before,
            has_files_in_git: false,
        };
        let mut record = TreeRecord::default();
        let mut path = Vec::new();
        let mut pending = vec![open(ROOT, 0, 0)];
        while let Some(directory) = pending.last_mut() {
            path.truncate(directory.path_length);
            let entries = record.entries().len();
            let Some(id) = directory.children.next() else {
                let is_empty = entries == directory.entries_before;
                if is_empty && directory.has_files_in_git && !path.is_empty() {
                    record.push(&path, Content::EmptyTree);
                }
                pending.pop();
                continue;
            };
            if self.name(id) == b".git" {
                directory.has_files_in_git = self.contains_files(id);
                continue;
            }
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend_from_slice(self.name(id));
            match self.node(id) {
                Node::Directory => pending.push(open(id, path.len(), entries)),
                Node::File { contents, executable } => {
                    let Contents { size, blob } = self.contents[contents.0 as usize];
                    let blob = blob.unwrap_or(TreeHash([0; 20]));
                    record.push(&path, Content::File { executable, size, blob });
                }
                Node::Symlink(target) => {
                    record.push(&path, Content::Symlink { target: self.text(target) });
                }
                Node::Removed => {}
            }
        }
        record
    }

    fn in_git_order(&self, id: NodeId) -> Vec<NodeId> {
        let key = |id: &NodeId| {
            let slash = (self.node(*id) == Node::Directory).then_some(b'/');
            self.name(*id).iter().copied().chain(slash)
        };
        let mut children: Vec<_> = self.children(id).collect();
        children.sort_unstable_by(|a, b| key(a).cmp(key(b)));
        children
    }

    /// Whether an entry is not a directory, or contains an entry that is not.
    fn contains_files(&self, id: NodeId) -> bool {
        let mut pending = vec![id];
        while let Some(id) = pending.pop() {
            if self.node(id) != Node::Directory {
                return true;
            }
            pending.extend(self.children(id));
        }
        false
    }
}
