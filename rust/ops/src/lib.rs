//! The one list of operations that cross to Julia, and what they do.
//!
//! [`operations!`] holds the list. The bindings `scratchrs-capi` and `scratchrs-jlrs` each expand
//! it with a macro of their own, and `cargo xtask gen` writes the Julia stubs, the C header and
//! the reference from [`OPERATIONS`]. So an operation is added in two places: here, and in the
//! Julia function that calls it.
//!
//! # Kinds
//!
//! - `short`: a plain call.
//! - `waits`: may wait for other processes for up to [`LOCK_TIMEOUT`]; a binding that can lets
//!   Julia's garbage collector run meanwhile.
//! - `job`: runs on a thread of its own ([`Job`]); Julia's scheduler goes on meanwhile. It reports
//!   to a [`Progress`](scratchrs_fs::Progress), which an interrupt cancels.
//! - `deletion`: runs on such a thread too. An interrupt ends the waiting, not the deletion: what
//!   it deletes was renamed first, and half of it is of no use.

mod abi;
mod argument;
mod debug;
mod fork;
mod job;
mod operation;
mod panics;
mod record;
mod reply;
mod shape;

use schemars::{Schema, SchemaGenerator};

pub use abi::ABI;
pub use argument::{Argument, Binary, Flag, Text, Texts, Ticket, Uuid, text};
pub use job::{Job, Notify, end_jobs};
pub use operation::artifact::*;
pub use operation::content::*;
pub use operation::document::*;
pub use operation::gc::*;
pub use operation::health::*;
pub use operation::install::*;
pub use operation::scratch::*;
pub use operation::store::*;
pub use operation::usage::*;
pub use operation::{LOCK_TIMEOUT, panic, rehearse};
pub use record::ErrorRecord;
pub use reply::{Outcome, attempt, call, encode};
pub use shape::{Shapes, current_abi};

/// Expands `$emit` with the list of operations.
///
/// Arguments are [`Text`], [`Texts`], [`Binary`], [`Uuid`], [`Flag`] and [`Ticket`]. A reply is a type of [`replies`],
/// which [`encode`] turns into bytes.
#[macro_export]
macro_rules! operations {
    ($emit:ident) => {
        $emit! {
            /// The directory of a scratch space, made unless it is there.
            short get_scratch(depot: Text, directory: Text, owner: Uuid, key: Text) -> Text;
            /// Logs that a project uses a space. Replies `recorded` or `read-only`, and then what
            /// in the log could not be read and was removed from it.
            waits track_access(depot: Text, space: Text, project: Text) -> Texts;
            /// Leaves one record for each space in the log of uses. Replies what could not be
            /// read and was removed.
            waits condense_usage(depot: Text) -> Texts;
            /// Removes a scratch space.
            deletion delete_scratch(depot: Text, directory: Text, owner: Uuid, key: Text) -> Unit;
            /// Removes all scratch spaces of a package, or of all packages.
            deletion clear_scratch(depot: Text, directory: Text, owner: Uuid, all: Flag) -> Unit;
            /// Asks for a space that a generator fills. Replies `ready` and the space; `generate`,
            /// the directory to fill and the ticket of the generation; or `busy`, the process, its
            /// machine, and for how many seconds it has been generating.
            short begin_generation(
                depot: Text, directory: Text, owner: Uuid, key: Text, version: Text,
                versioned: Flag
            ) -> Texts;
            /// Puts the filled directory into the place of the space, and replies the space.
            short publish_generation(ticket: Ticket) -> Text;
            /// Removes the directory; the space is as it was before.
            short abandon_generation(ticket: Ticket) -> Unit;
            /// The UUID that a project file gives its package, or nothing.
            short project_uuid(file: Text) -> Text;
            /// The content of a TOML file, or nil if it is missing.
            short read_toml(file: Text) -> OptionalTable;
            /// What stands in the place of artifacts, by the `Overrides.toml` files of depots, or
            /// that of a directory in their place. Replies four texts for each: what it is, a key,
            /// a name and a target. `hash` is a hash with a path, `hash-hash` one with another,
            /// `UUID` and `UUID-hash` are the same for a name of a package, and `fault` is what
            /// makes no sense.
            short read_overrides(depots: Texts, directory: Text) -> Texts;
            /// Which of the platforms a host gets. A host is tags and values in turns, and so is
            /// each of the platforms, with an empty text before it. Replies the number of the
            /// platform, from 1, or nothing; and then what is wrong with those that are none.
            short choose_platform(host: Texts, platforms: Texts) -> Texts;
            /// The directory of the store.
            short store_root(depot: Text, directory: Text) -> Text;
            /// The directory of the store that OhMyArtifacts.jl has.
            short peer_store_root(depot: Text, directory: Text) -> Text;
            /// Makes the file of bindings of a package, or of a version of it. Replies the file,
            /// and `due` if the last collection of the store is long ago. The project is that on
            /// whose behalf it is used; nothing if it is unknown.
            waits open_store(
                depot: Text, directory: Text, package: Uuid, version: Text, versioned: Flag,
                project: Text
            ) -> Texts;
            /// Begins to make something for the store. Replies the directory to fill, and the
            /// ticket.
            waits begin_creation(depot: Text, directory: Text) -> Texts;
            /// Stores what the filled directory has: all, or what was returned. Replies hash,
            /// path, `file` or `tree`, `new` unless it was there, and how a tree is linked.
            job finish_creation(
                ticket: Ticket, returned: Text, is_whole: Flag, link_mode: Text
            ) -> Texts;
            /// The same at once, if what was returned is a small file; else no texts.
            waits finish_small_creation(ticket: Ticket, returned: Text) -> Texts;
            /// Removes the directory.
            short abandon_creation(ticket: Ticket) -> Unit;
            /// Leaves nothing of this process in the stores that it has made something for.
            short end_store_session() -> Unit;
            /// Binds a name. Replies `new`, `replaced`, or `taken` if it is bound already.
            waits bind_my_artifact(
                depot: Text, directory: Text, file: Text, name: Text, hash_text: Text,
                metadata: Text, force: Flag
            ) -> Text;
            /// Removes names.
            waits unbind_my_artifact(
                depot: Text, directory: Text, file: Text, names: Texts
            ) -> Unit;
            /// The hash that a name is bound to, or nothing.
            short my_artifact_hash(file: Text, name: Text) -> Text;
            /// The address of a hash, and `file` or `tree`, if anything is there.
            short my_artifact_path(depot: Text, directory: Text, hash_text: Text) -> Texts;
            /// The usage of the store, as its usage log has it.
            waits store_usage(depot: Text, directory: Text) -> Table;
            /// Deletes unused contents from the store.
            job collect_store(
                depot: Text, directory: Text, delay_ms: Ticket, is_dry_run: Flag,
                spares_own: Flag
            ) -> Collected;
            /// The content of the store, or of the one at `root`.
            job store_status(depot: Text, directory: Text, root: Text) -> StoreStatus;
            /// Verifies the contents of the store, or of the one at `root`.
            job verify_store(depot: Text, directory: Text, root: Text) -> Verified;
            /// Takes over what is bound in another store.
            job adopt_store(depot: Text, directory: Text, other: Text) -> Adopted;
            /// How the files of trees are linked in the store, if that was chosen.
            short store_link(depot: Text, directory: Text) -> Text;
            /// Chooses that; nothing for the best that there is.
            short set_store_link(depot: Text, directory: Text, link_mode: Text) -> Unit;
            /// Lets a name stand for an artifact in a file. Of the platform there are tags and values
            /// in turns, or nothing; of each download its address, hash and size (0 if that is not
            /// known). Replies what in the log of uses could not be read and was removed from it.
            waits bind_artifact(
                depots: Texts, file: Text, name: Text, hash: Text, platform: Texts,
                downloads: Texts, with_downloads: Flag, lazy: Flag, force: Flag
            ) -> Texts;
            /// Lets a name stand for nothing in a file, or for nothing on one platform.
            waits unbind_artifact(file: Text, name: Text, platform: Texts) -> Unit;
            /// Makes an empty directory that is to become an artifact. Replies the directory, and the
            /// ticket of the creation.
            short begin_artifact(depots: Texts, directory: Text) -> Texts;
            /// Makes an artifact of the directory, and replies its hash.
            job publish_artifact(ticket: Ticket) -> Text;
            /// Removes the directory.
            short abandon_artifact(ticket: Ticket) -> Unit;
            /// Removes an artifact from all depots.
            deletion remove_artifact(depots: Texts, directory: Text, hash: Text) -> Unit;
            /// Hashes a directory that is to be an artifact, and replies what is corrupt, or nil.
            job verify_tree(path: Text, hash: Text) -> OptionalCorruptArtifact;
            /// Hashes all artifacts.
            job verify_artifacts(depots: Texts, directory: Text) -> Verification;
            /// Installs corrupt artifacts again, and those that files bind for a platform and are missing.
            job repair_artifacts(
                depots: Texts, directory: Text, files: Texts, platform: Texts, session: Texts
            ) -> Repairs;
            /// The files that bind an artifact: those in the usage logs, and those of `more`.
            short artifact_usage(depots: Texts, hash: Text, more: Texts) -> BindingFiles;
            /// Packs a directory as a tarball. Replies the hash of the tarball and its size.
            job archive_tree(path: Text, tarball: Text) -> Texts;
            /// Fails if what a name stands for in a file, on a platform of tags and values in turns, is
            /// invalid, and says where; without a platform, if anything that it stands for is.
            short check_binding(file: Text, name: Text, platform: Texts) -> Unit;
            /// The places of an artifact that are valid. Of each download there are three texts, for its
            /// address, hash and size: nothing, or `s` and a string, `i` and an integer, or `o` and the
            /// type of something else. Replies address, hash and size of each, and for what is invalid
            /// two empty texts and what is wrong; or fails if all are.
            short read_downloads(name: Text, hash: Text, downloads: Texts, file: Text) -> Texts;
            /// Downloads an artifact, unless it is there. Downloads are as for `read_downloads`. A
            /// session is the version of Julia, its platform, whether it is interactive, and names and
            /// values of the environment in turns. Replies the path, and what came up.
            job install_artifact(
                depots: Texts, directory: Text, name: Text, hash: Text, downloads: Texts,
                file: Text, with_server: Flag, session: Texts
            ) -> Texts;
            /// Finds an artifact for a caller that relies on it: no collection deletes it in the next
            /// ten minutes. Logs that the file which binds it is in use, if there is one, once a day.
            /// Replies `ready`, its path and what came up; `missing`; or `busy`, the process that has
            /// it, its machine, and nothing.
            waits use_artifact(
                depots: Texts, directory: Text, hash: Text, file: Text
            ) -> Texts;
            /// Begins to install an artifact that the caller downloads. Replies `ready` and its path;
            /// `install`, a file for the tarball and the ticket of the installation; or `busy`, the
            /// process that is installing it, its machine, and nothing.
            waits begin_install(depots: Texts, directory: Text, hash: Text) -> Texts;
            /// Installs the artifact from the tarball, whose hash may be known. Replies the path, and
            /// what came up.
            job finish_install(ticket: Ticket, name: Text, sha256: Text, session: Texts) -> Texts;
            /// Gives an installation up.
            short abandon_install(ticket: Ticket) -> Unit;
            /// Downloads into a file, in the place of what is there.
            job download_file(url: Text, path: Text, session: Texts) -> Unit;
            /// Unpacks a tarball into a directory that is missing or empty.
            job unpack_tarball(tarball: Text, directory: Text, session: Texts) -> Unit;
            /// The SHA-256 of a file.
            job file_sha256(path: Text) -> Text;
            /// The hash of a tree as git has it, by SHA-1 or SHA-256.
            job tree_hash(path: Text, sha256: Flag) -> Text;
            /// The hash of a file as git has it, by SHA-1 or SHA-256.
            job blob_hash(path: Text, sha256: Flag) -> Text;
            /// Deletes unreachable items from depots, or reports which would be. Durations are
            /// numbers of milliseconds, and of these and the size, nothing stands for none. Roots to ignore count as missing.
            job collect_depots(
                depots: Texts, delay: Text, period: Text, max_size: Text, force: Flag,
                is_dry_run: Flag, ignore_roots: Texts
            ) -> Report;
            /// The items of depots, with their sizes and references.
            job depot_status(depots: Texts, force: Flag, ignore_roots: Texts) -> Status;
            /// The references of the items that a query names.
            job explain_item(depots: Texts, query: Text, ignore_roots: Texts) -> Explained;
            /// An encoded `Report`, `Status` or `Explained` as text for people; its kind is the name of that
            /// type. The width of the terminal is 0 if there is none.
            short render(
                kind: Text, reply: Binary, width: Ticket, has_colour: Flag, is_verbose: Flag, home: Text
            ) -> Text;
            /// Panics, so that a test can see what becomes of a panic.
            short panic() -> Unit;
            /// Goes through stages in which nothing is done, each in a number of steps of 10 ms,
            /// so that a test can see how a job is shown and ended. Replies the stages.
            job rehearse(stages: Texts, steps: Ticket) -> Texts;
        }
    };
}

/// What is known of an operation besides what it does.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// `short`, `waits`, `job` or `deletion`.
    pub kind: &'static str,
    /// The name, the same in every layer.
    pub name: &'static str,
    /// Names and types of the arguments.
    pub arguments: &'static [(&'static str, &'static str)],
    /// The type of the reply, by its name in [`replies`].
    pub reply: &'static str,
    /// The schema of that type.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
    /// What it does.
    pub documentation: &'static str,
}

macro_rules! describe {
    ($($(#[doc = $line:literal])* $kind:ident $name:ident($($argument:ident: $type:ident),*) -> $reply:ident;)*) => {
        /// The list as data.
        pub const OPERATIONS: &[Operation] = &[$(Operation {
            kind: stringify!($kind),
            name: stringify!($name),
            arguments: &[$((stringify!($argument), stringify!($type))),*],
            reply: stringify!($reply),
            schema: SchemaGenerator::subschema_for::<replies::$reply>,
            documentation: concat!($($line),*),
        }),*];
    };
}
operations!(describe);

/// What operations reply: types that serialise, by the names that the list has for them.
pub mod replies {
    /// Nothing.
    pub type Unit = ();
    /// A text.
    pub type Text = String;
    /// Several texts.
    pub type Texts = Vec<String>;
    pub use scratchrs_core::artifact::{Repairs, Verification};
    pub use scratchrs_core::gc::{Explained, Report, Status};
    pub use scratchrs_core::store::{Adopted, Collected, Status as StoreStatus, Verified};

    pub use crate::operation::document::Table;
    /// Files that bind an artifact.
    pub type BindingFiles = Vec<scratchrs_core::artifact::BoundBy>;
    /// A corrupt artifact, or nil.
    pub type OptionalCorruptArtifact = Option<scratchrs_core::artifact::CorruptArtifact>;
    /// A table, or nil.
    pub type OptionalTable = Option<Table>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_abi_is_that_of_the_replies_and_arguments() {
        assert_eq!(ABI, current_abi(), "run `cargo xtask gen`");
    }

    #[test]
    fn the_list_is_what_the_bindings_can_express() {
        for operation in OPERATIONS {
            let kinds = ["short", "waits", "job", "deletion"];
            assert!(kinds.contains(&operation.kind), "{operation:?}");
            assert!(!operation.documentation.is_empty(), "{operation:?}");
            for (_, r#type) in operation.arguments {
                let types = ["Text", "Texts", "Binary", "Uuid", "Flag", "Ticket"];
                assert!(types.contains(r#type), "{operation:?}");
            }
        }
    }
}
