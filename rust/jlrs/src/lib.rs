//! The jlrs binding, for the Julia versions that jlrs supports (1.10 to 1.12).
//!
//! The library contains the whole C ABI of [`scratchrs_capi`](scratchrs), and each operation that
//! is a plain call a second time, as `scratchrs_jlrs_<name>`: it takes and returns Julia's own
//! strings, and Julia's garbage collector runs while it waits. Jobs run on threads that are unknown
//! to Julia; they are those of the C ABI.
//!
//! No exception of Julia passes a frame of Rust. Julia could throw interrupts there, at the
//! safepoints at the end of a GC-safe region and in allocations, so the functions in
//! `julia/native/operations.jl` defer interrupts (`jl_sigatomic_begin`) around each of these calls.
//!
//! jlrs's companion package JlrsCore is not needed, and not loaded: packages load ScratchRS at
//! start-up, so it has few dependencies.

use std::mem::ManuallyDrop;

use jlrs::data::managed::string::{JuliaString, StringRet};
use jlrs::memory::gc::gc_safe;
use jlrs::weak_handle_unchecked;
use scratchrs_core::Result;
use scratchrs_ops::{
    Argument, Binary, Flag, Number, OptionalText, Outcome, Text, Texts, Ticket, Uuid, call,
    optional,
};

// The C ABI is part of this library.
use scratchrs as _;

/// A type of argument, as Julia passes it.
pub trait FromJulia: Argument {
    /// What `ccall` passes.
    type Julia;

    /// Reads and checks it.
    ///
    /// # Safety
    ///
    /// As for [`Argument::read`]; Julia must keep the value alive for as long as `'a`.
    unsafe fn read_julia<'a>(raw: Self::Julia) -> Result<Self::Lent<'a>>;
}

/// A `String`, passed as `Any`.
impl FromJulia for Text {
    type Julia = JuliaString<'static>;

    unsafe fn read_julia<'a>(raw: Self::Julia) -> Result<Self::Lent<'a>> {
        scratchrs_ops::text(raw.as_bytes())
    }
}

/// As [`Text`].
impl FromJulia for OptionalText {
    type Julia = JuliaString<'static>;

    unsafe fn read_julia<'a>(raw: Self::Julia) -> Result<Self::Lent<'a>> {
        // SAFETY: the caller's promise.
        unsafe { Text::read_julia(raw) }.map(optional)
    }
}

macro_rules! as_in_c {
    ($($type:ident),*) => {$(
        /// As in C.
        impl FromJulia for $type {
            type Julia = <Self as Argument>::C;

            unsafe fn read_julia<'a>(raw: Self::Julia) -> Result<Self::Lent<'a>> {
                // SAFETY: the caller's promise.
                unsafe { Self::read(raw) }
            }
        }
    )*};
}
as_in_c!(Texts, Binary, Uuid, Flag, Number, Ticket);

/// Writes the status of an outcome, and returns its bytes as a Julia string.
///
/// If the memory for the string is exhausted, Julia throws by a long jump. The bytes are leaked
/// then, and no destructor is skipped.
///
/// # Safety
///
/// Must be called by a thread of Julia, with `status` valid for a write.
unsafe fn give(outcome: Outcome, status: *mut u32) -> StringRet {
    let mut bytes = ManuallyDrop::new(outcome.bytes);
    // SAFETY: the caller's promises. The string is not rooted here: it is returned at once. The
    // bytes are dropped once.
    unsafe {
        status.write(outcome.status);
        let text = JuliaString::new_bytes(weak_handle_unchecked!(), bytes.as_slice()).leak();
        ManuallyDrop::drop(&mut bytes);
        text
    }
}

macro_rules! export {
    ($($(#[doc = $line:literal])* $kind:ident $name:ident($($argument:ident: $type:ident),*) -> $reply:ident;)*) => {
        $(export_one! { $kind $name($($argument: $type),*) [$($line),*] })*
    };
}

macro_rules! export_one {
    (job $($rest:tt)*) => {};
    (deletion $($rest:tt)*) => {};
    (short $($rest:tt)*) => {
        export_call! { call; $($rest)* }
    };
    (waits $($rest:tt)*) => {
        // SAFETY: a thread of Julia calls it, and the operation does not use Julia.
        export_call! { (|operation| unsafe { gc_safe(|| call(operation)) }); $($rest)* }
    };
}

macro_rules! export_call {
    ($call:expr; $name:ident($($argument:ident: $type:ident),*) [$($line:literal),*]) => {
        $(#[doc = $line])*
        ///
        /// # Safety
        ///
        /// As for the function of the same name in the C ABI; texts must be Julia's strings, and
        /// the caller a thread of Julia that defers interrupts.
        #[unsafe(export_name = concat!("scratchrs_jlrs_", stringify!($name)))]
        pub unsafe extern "C" fn $name(
            $($argument: <$type as FromJulia>::Julia,)*
            status: *mut u32,
        ) -> StringRet {
            // SAFETY: the caller's promises.
            let outcome =
                $call(|| scratchrs_ops::$name($(unsafe { $type::read_julia($argument) }?),*));
            // SAFETY: the caller's promises.
            unsafe { give(outcome, status) }
        }
    };
}

scratchrs_ops::operations!(export);
