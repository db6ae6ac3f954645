//! The libraries that every machine has, and those that Julia brings.

use scratchrs_model::platform::Platform;

/// Who brings a library that a binary needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// The operating system.
    System,
    /// Julia, which has it in its own directory and loads it for itself.
    Julia,
}

/// The parts of a C library, without versions.
const OF_C: [&str; 8] =
    ["libc", "libm", "libdl", "libpthread", "librt", "libutil", "libresolv", "libanl"];

/// What FreeBSD has more.
const OF_FREEBSD: [&str; 7] =
    ["libthr", "libgcc_s", "libc++", "libcxxrt", "libexecinfo", "libkvm", "libdevstat"];

/// The libraries that every Windows has. Lower case, without `.dll`.
const OF_WINDOWS: [&str; 42] = [
    "advapi32",
    "bcrypt",
    "bcryptprimitives",
    "cfgmgr32",
    "comctl32",
    "comdlg32",
    "crypt32",
    "dbghelp",
    "dnsapi",
    "dwrite",
    "gdi32",
    "gdiplus",
    "imm32",
    "iphlpapi",
    "kernel32",
    "msimg32",
    "msvcrt",
    "ncrypt",
    "netapi32",
    "ntdll",
    "ole32",
    "oleaut32",
    "opengl32",
    "powrprof",
    "psapi",
    "rpcrt4",
    "secur32",
    "setupapi",
    "shell32",
    "shlwapi",
    "synchronization",
    "ucrtbase",
    "user32",
    "userenv",
    "usp10",
    "version",
    "winhttp",
    "winmm",
    "wldap32",
    "ws2_32",
    "wsock32",
    "wtsapi32",
];

/// The libraries of Julia on Linux and FreeBSD, without versions.
const OF_JULIA: [&str; 4] = ["libgcc_s", "libstdc++", "libjulia", "libjulia-internal"];

/// The same on Windows. Lower case.
const OF_JULIA_ON_WINDOWS: [&str; 6] = [
    "libgcc_s_seh-1.dll",
    "libgcc_s_sjlj-1.dll",
    "libstdc++-6.dll",
    "libwinpthread-1.dll",
    "libjulia.dll",
    "libjulia-internal.dll",
];

/// Who brings a library, which is given as a binary names it; `None` for all others.
///
/// ```
/// # use scratchrs_jll::system::{Provider, provider};
/// let linux = "x86_64-linux-gnu".parse()?;
/// assert_eq!(provider("libm.so.6", &linux), Some(Provider::System));
/// assert_eq!(provider("libgcc_s.so.1", &linux), Some(Provider::Julia));
/// assert_eq!(provider("libz.so.1", &linux), None);
/// # Ok::<(), scratchrs_model::platform::InvalidPlatform>(())
/// ```
pub fn provider(library: &str, platform: &Platform) -> Option<Provider> {
    let file = library.rsplit('/').next().unwrap_or(library);
    match platform.tag("os") {
        Some("windows") => of_windows(&library.to_lowercase()),
        Some("macos") => of_macos(library, file),
        os => of_unix(file, os == Some("freebsd"), platform.tag("libc")),
    }
}

fn of_unix(file: &str, is_freebsd: bool, libc: Option<&str>) -> Option<Provider> {
    let (stem, version) = file.split_once(".so")?;
    let is_of_c = match libc {
        // musl is one library: `libc.so`, or `libc.musl-x86_64.so.1` in Alpine.
        Some("musl") => {
            let is_musl = ["ld-musl-", "libc.musl-"].iter().any(|start| stem.starts_with(start));
            is_musl || (stem == "libc" && version.is_empty())
        }
        Some(_) => {
            let is_loader = stem.starts_with("ld-linux") || stem == "ld64";
            is_loader || (OF_C.contains(&stem) && !version.is_empty())
        }
        None => OF_C.contains(&stem),
    };
    if is_of_c || (is_freebsd && OF_FREEBSD.contains(&stem)) {
        return Some(Provider::System);
    }
    OF_JULIA.contains(&stem).then_some(Provider::Julia)
}

fn of_macos(path: &str, file: &str) -> Option<Provider> {
    if ["/usr/lib/", "/System/"].iter().any(|directory| path.starts_with(directory)) {
        return Some(Provider::System);
    }
    let is_of_julia = ["libjulia.", "libgcc_s."].iter().any(|start| file.starts_with(start));
    is_of_julia.then_some(Provider::Julia)
}

fn of_windows(file: &str) -> Option<Provider> {
    let is_of_system = |stem: &str| OF_WINDOWS.contains(&stem) || stem.starts_with("api-ms-win-");
    if file.strip_suffix(".dll").is_some_and(is_of_system) {
        return Some(Provider::System);
    }
    OF_JULIA_ON_WINDOWS.contains(&file).then_some(Provider::Julia)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_of_each_system_are_known() {
        use Provider::{Julia, System};
        for (triplet, library, expected) in [
            ("x86_64-linux-gnu", "libc.so.6", Some(System)),
            ("x86_64-linux-gnu", "ld-linux-x86-64.so.2", Some(System)),
            ("powerpc64le-linux-gnu", "ld64.so.2", Some(System)),
            ("x86_64-linux-gnu", "libc.musl-x86_64.so.1", None),
            ("x86_64-linux-gnu", "libc.so", None),
            ("x86_64-linux-gnu", "libstdc++.so.6", Some(Julia)),
            ("x86_64-linux-gnu", "libgfortran.so.5", None),
            ("x86_64-linux-musl", "libc.so", Some(System)),
            ("x86_64-linux-musl", "libc.musl-x86_64.so.1", Some(System)),
            ("x86_64-linux-musl", "libc.so.6", None),
            ("x86_64-linux-musl", "libpthread.so.0", None),
            ("x86_64-unknown-freebsd", "libthr.so.3", Some(System)),
            ("x86_64-unknown-freebsd", "libgcc_s.so.1", Some(System)),
            ("x86_64-unknown-freebsd", "libz.so.6", None),
            ("aarch64-apple-darwin", "/usr/lib/libSystem.B.dylib", Some(System)),
            ("aarch64-apple-darwin", "/opt/homebrew/lib/libz.1.dylib", None),
            ("aarch64-apple-darwin", "@rpath/libjulia.1.dylib", Some(Julia)),
            ("x86_64-w64-mingw32", "KERNEL32.dll", Some(System)),
            ("x86_64-w64-mingw32", "api-ms-win-core-synch-l1-2-0.dll", Some(System)),
            ("x86_64-w64-mingw32", "libgcc_s_seh-1.dll", Some(Julia)),
            ("x86_64-w64-mingw32", "zlib1.dll", None),
        ] {
            let platform = triplet.parse().unwrap();
            assert_eq!(provider(library, &platform), expected, "{library} on {triplet}");
        }
    }
}
