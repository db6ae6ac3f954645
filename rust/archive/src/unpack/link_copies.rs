//! The record of a tree after its symbolic links were replaced by copies.

use crate::error::Error;
use crate::record::{Content, TreeRecord};
use crate::unpack::links::{self, CopyBudget};
use crate::unpack::tree::{Node, NodeId, ROOT, Tree};

impl TreeRecord {
    /// Whether the tree has symbolic links.
    pub fn has_links(&self) -> bool {
        self.entries().any(|entry| matches!(entry.content, Content::Symlink { .. }))
    }

    /// The record of the tree as unpacked with [`Links::Copied`](super::Links::Copied).
    ///
    /// # Errors
    ///
    /// There would be too many copies.
    pub fn with_links_copied(&self) -> Result<Self, Error> {
        let mut tree = tree_of(self);
        let mut budget = CopyBudget::default();
        for (link, source) in links::copies(&tree)? {
            let mut pending = vec![(source, link)];
            while let Some((from, to)) = pending.pop() {
                budget.take()?;
                tree.replace(to, tree.node(from));
                for child in tree.children(from).collect::<Vec<_>>() {
                    let name = tree.name(child).to_vec();
                    // Its node is set when it is copied.
                    pending.push((child, tree.insert(to, &name, Node::Removed)));
                }
            }
        }
        for id in tree.ids().collect::<Vec<_>>() {
            if matches!(tree.node(id), Node::Symlink(_)) {
                tree.replace(id, Node::Removed);
            }
        }
        Ok(tree.record())
    }
}

fn tree_of(record: &TreeRecord) -> Tree {
    let mut tree = Tree::new();
    for entry in record.entries() {
        let mut components: Vec<_> = links::components(entry.path).collect();
        let Some(name) = components.pop() else { continue };
        let parent =
            components.iter().fold(ROOT, |parent, name| directory(&mut tree, parent, name));
        match entry.content {
            Content::File { executable, size, blob } => {
                let contents = tree.add_contents(size);
                tree.set_blob(contents, blob);
                tree.insert(parent, name, Node::File { contents, executable });
            }
            Content::Symlink { target } => {
                let link = tree.symlink(target);
                tree.insert(parent, name, link);
            }
            Content::EmptyTree => {
                // It counts because of a file in its `.git`.
                let id = directory(&mut tree, parent, name);
                let contents = tree.add_contents(0);
                tree.insert(id, b".git", Node::File { contents, executable: false });
            }
        }
    }
    tree
}

fn directory(tree: &mut Tree, parent: NodeId, name: &[u8]) -> NodeId {
    tree.child(parent, name).unwrap_or_else(|| tree.insert(parent, name, Node::Directory))
}
