use super::*;
use proptest::prelude::*;

fn platform(triplet: &str) -> Platform {
    triplet.parse().unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn tags_are_normalised() {
    let tags = [("libgfortran_version", "3"), ("CUDA", "10.1"), ("cxxstring_abi", "CXX11")];
    let built = Platform::new("AMD64", "Linux", tags).unwrap();
    let expected = [
        ("arch", "x86_64"),
        ("cuda", "10.1"),
        ("cxxstring_abi", "cxx11"),
        ("libc", "glibc"),
        ("libgfortran_version", "3.0.0"),
        ("os", "linux"),
    ];
    assert_eq!(built.tags().collect::<Vec<_>>(), expected);
    assert_eq!(built.to_string(), "x86_64-linux-gnu-libgfortran3-cxx11-cuda+10.1");
    let arm = Platform::new("armv7", "linux", []).unwrap();
    assert_eq!(arm.to_string(), "armv7l-linux-gnueabihf");
    assert_eq!(arm, platform("arm-linux-gnueabihf"));
    let windows = Platform::new("i686", "windows", []).unwrap();
    assert_eq!(windows.tags().count(), 2, "only Linux has a libc");
}

#[test]
fn a_tag_has_no_separator_and_is_there_once() {
    for value in ["a b", "a-b", "a+b", "a/b", "a:b", "a?", "3rc-1"] {
        let error = Platform::new("x86_64", "linux", [("tag", value)]).unwrap_err();
        assert!(error.to_string().contains(value), "{error}");
    }
    assert!(Platform::new("x86_64", "linux", [("a b", "1")]).is_err());
    assert!(Platform::new("x86_64", "linux", [("os", "linux")]).is_err());
    assert!(Platform::new("x86_64", "linux", [("Tag", "1"), ("tag", "2")]).is_err());
}

/// What Julia 1.12 answers for `triplet(parse(Platform, …))`, or for what it adds to 1.10, what
/// its `base/binaryplatforms.jl` says.
#[test]
fn triplets_are_julias() {
    for (text, expected) in [
        ("x86_64-unknown-openbsd", "x86_64-unknown-openbsd"),
        ("x86_64-unknown-openbsd7.5", "x86_64-unknown-openbsd"),
        ("aarch64-openbsd-cxx11", "aarch64-unknown-openbsd-cxx11"),
        ("rv64-linux-gnu", "riscv64-linux-gnu"),
        ("riscv64-unknown-linux-musl", "riscv64-linux-musl"),
        ("ppc64le-linux-gnu", "powerpc64le-linux-gnu"),
        ("armv6l-linux", "armv6l-linux-gnueabihf"),
        ("arm-linuxeabi", "armv7l-linux-gnueabi"),
        ("x86_64--linux", "x86_64-linux-gnu"),
        ("x86_64-a-b-linux-musl", "x86_64-linux-musl"),
        ("x86_64-linux-linux", "x86_64-linux-gnu"),
        ("x86_64-freebsd-linux", "x86_64-linux-gnu"),
        ("x86_64-linux-freebsd12", "x86_64-unknown-freebsd12.0"),
        ("x86_64-apple-freebsd", "x86_64-unknown-freebsd"),
        ("x86_64-apple-darwin20.3.1", "x86_64-apple-darwin20"),
        ("x86_64-linux-gnu-a+b+c", "x86_64-linux-gnu-a+b"),
        ("x86_64-linux-gnu-libc+musl", "x86_64-linux-musl"),
        ("x86_64-linux-gnu-a+1-A+2", "x86_64-linux-gnu-a+2"),
        ("x86_64-linux-gnu-os_version+3", "x86_64-linux-gnu"),
        ("x86_64-linux-gnu", "x86_64-linux-gnu"),
        ("amd64-pc-linux", "x86_64-linux-gnu"),
        ("x86_64-apple-darwin14", "x86_64-apple-darwin14"),
        ("arm64-apple-darwin", "aarch64-apple-darwin"),
        ("x86_64-unknown-freebsd11.1", "x86_64-unknown-freebsd11.1"),
        ("i586-w64-mingw32-gcc7", "i686-w64-mingw32-libgfortran4"),
        ("arm-linux-musleabihf", "armv7l-linux-musleabihf"),
        (
            "x86_64-linux-gnu-libgfortran5-cxx11-libstdcxx26-julia_version+1.10.8",
            "x86_64-linux-gnu-libgfortran5-cxx11-libstdcxx26-julia_version+1.10.8",
        ),
    ] {
        assert_eq!(platform(text).to_string(), expected, "{text}");
    }
    for wrong in [
        "",
        "x86_64",
        "x86_64-",
        "vax-linux-gnu",
        "x86_64-plan9",
        "x86_64-linux-gnu-",
        "x86_64-linux-gnu-cxx12",
        "x86_64-linux-gnu-libgfortran6",
        "x86_64-linux-gnu-tag+",
        "x86_64-linux-gnu-cxx11-libgfortran5",
        "x86_64-apple-darwin..",
        "x86_64-unknown-openbsd7.",
        "x86_64-unknown-netbsd",
        "x86_64-openbsd-gnu-gnu",
        "x86_64-unknown-apple-darwin",
        "x86_64-pc-w64-mingw32",
        "x86_64-linuxeabi-gnu",
        "x86_64-linux-gnu-arch+arm",
        "x86_64-linux-gnu-os+windows",
    ] {
        assert!(wrong.parse::<Platform>().is_err(), "{wrong:?} was taken for a triplet");
    }
}

#[test]
fn what_only_one_has_does_not_matter() {
    let host = platform("x86_64-linux-gnu-libgfortran5-cxx11").into_host();
    assert!(platform("x86_64-linux-gnu").matches(&host));
    assert!(platform("x86_64-linux-gnu-cuda+10").matches(&host));
    assert!(!platform("x86_64-linux-gnu-libgfortran4").matches(&host));
    assert!(!platform("x86_64-linux-musl").matches(&host));
}

#[test]
fn a_host_takes_what_is_no_newer_than_it() {
    let old = platform("x86_64-linux-gnu-libstdcxx21");
    let new = platform("x86_64-linux-gnu-libstdcxx30");
    assert!(!old.matches(&new), "two artifacts match if they are equal");
    assert!(old.matches(&new.clone().into_host()) && new.clone().into_host().matches(&old));
    assert!(!new.matches(&old.clone().into_host()));
    assert!(!old.clone().into_host().matches(&new.into_host()), "two hosts, if they are equal");
    let mac = platform("x86_64-apple-darwin20").into_host();
    assert!(platform("x86_64-apple-darwin14").matches(&mac));
    assert!(!platform("x86_64-apple-darwin21").matches(&mac));
}

#[test]
fn of_a_julia_version_major_and_minor_count() {
    let host = platform("x86_64-linux-gnu-julia_version+1.10.8");
    assert!(platform("x86_64-linux-gnu-julia_version+1.10.0").matches(&host));
    assert!(!platform("x86_64-linux-gnu-julia_version+1.9.0").matches(&host));
}

#[test]
fn a_session_says_how_its_tags_compare() {
    let tags = [
        ("os", "linux", Comparison::Default),
        ("arch", "x86_64", Comparison::Default),
        ("cuda", "11.2", Comparison::Cap),
    ];
    let host = Platform::from_tags(tags).unwrap();
    assert!(platform("x86_64-linux-gnu-cuda+10.1").matches(&host));
    assert!(!platform("x86_64-linux-gnu-cuda+11.3").matches(&host));
    assert!(Platform::from_tags([("os", "linux", Comparison::Default)]).is_err());
}

#[test]
fn the_closest_fit_is_chosen() {
    let host = platform("x86_64-linux-gnu-libgfortran5-cxx11").into_host();
    let choose = |triplets: &[&str]| {
        let platforms: Vec<Platform> = triplets.iter().map(|text| platform(text)).collect();
        host.choose(&platforms).map(|index| triplets[index].to_owned())
    };
    let chosen = choose(&["x86_64-linux-gnu", "x86_64-linux-gnu-libgfortran5", "i686-linux-gnu"]);
    assert_eq!(chosen.as_deref(), Some("x86_64-linux-gnu-libgfortran5"));
    let chosen = choose(&["x86_64-linux-gnu-libgfortran5", "x86_64-linux-gnu-cxx11"]);
    assert_eq!(chosen.as_deref(), Some("x86_64-linux-gnu-libgfortran5"), "greatest triplet");
    assert_eq!(choose(&["x86_64-linux-musl"]), None);
    assert_eq!(choose(&[]), None);
    let twice = [platform("x86_64-linux-gnu"), platform("x86_64-linux-gnu")];
    assert_eq!(host.choose(&twice), Some(1), "the last of equals");
}

#[test]
fn platforms_that_mean_nothing_are_found_out() {
    for valid in [
        "x86_64-linux-musl",
        "arm-linux-gnueabihf",
        "x86_64-apple-darwin14-cxx11",
        "riscv64-linux-gnu",
        "x86_64-unknown-openbsd7.5",
        "i686-unknown-freebsd",
    ] {
        assert_eq!(platform(valid).validate(), Ok(()), "{valid}");
    }
    for (arch, os, tags) in [
        ("vax", "linux", &[][..]),
        ("x86_64", "plan9", &[]),
        ("x86_64", "openbsd", &[("libc", "glibc")]),
        ("powerpc64le", "windows", &[]),
        ("i686", "macos", &[]),
        ("x86_64", "windows", &[("libc", "glibc")]),
        ("x86_64", "linux", &[("libc", "newlib")]),
        ("x86_64", "linux", &[("call_abi", "eabi")]),
        ("x86_64", "linux", &[("cxxstring_abi", "cxx17")]),
        ("x86_64", "linux", &[("libgfortran_version", "five")]),
    ] {
        let built = Platform::new(arch, os, tags.iter().copied()).unwrap();
        assert!(built.validate().is_err(), "{built}");
    }
}

proptest! {
    #[test]
    fn any_text_can_be_read(text in "[a-z0-9_+.-]{0,40}") {
        if let Ok(platform) = text.parse::<Platform>() {
            let again: Platform = platform.to_string().parse().expect("what we print");
            // A triplet holds parts of versions only.
            prop_assert_eq!(again.to_string(), platform.to_string());
        }
    }

    #[test]
    fn a_triplet_survives(
        arch in prop::sample::select(vec!["x86_64", "i686", "aarch64", "powerpc64le"]),
        libc in prop::sample::select(vec!["glibc", "musl"]),
        libgfortran in prop::option::of(3..6u32),
        extra in prop::option::of("[a-z][a-z0-9._]{0,8}"),
    ) {
        let version = libgfortran.map(|version| version.to_string());
        let tags = [("libc", Some(libc)), ("libgfortran_version", version.as_deref()), ("tag", extra.as_deref())];
        let tags = tags.into_iter().filter_map(|(tag, value)| Some((tag, value?)));
        let built = Platform::new(arch, "linux", tags).unwrap();
        prop_assert_eq!(platform(&built.to_string()), built);
    }
}
