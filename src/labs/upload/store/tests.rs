use super::*;
use crate::cli::Language;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::DirEntry;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::Barrier;
use tempfile::{TempDir, tempdir};

/// Runs `test` on a new directory with the system's own staging, which on Linux is without
/// temporary names, and on another with them.
fn with_each_staging(test: impl Fn(Store, &TempDir)) {
    for temporary_names in [false, true] {
        let place = tempdir().unwrap();
        let mut store = Store::open(place.path()).unwrap();
        assert!(!(cfg!(target_os = "linux") && store.temporary_names));
        store.temporary_names |= temporary_names;
        test(store, &place);
    }
}

fn name(text: &str) -> Name {
    Name::check(text.as_bytes()).unwrap()
}

/// Every entry of a directory with its bytes, hidden ones included.
fn contents(place: &TempDir) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(place.path()).unwrap().map(Result::unwrap);
    let name = |entry: &DirEntry| entry.file_name().into_string().unwrap();
    entries.map(|entry| (name(&entry), std::fs::read(entry.path()).unwrap_or_default())).collect()
}

fn names(place: &TempDir) -> Vec<String> {
    contents(place).into_keys().collect()
}

fn persist(store: &Store, bytes: &[u8], as_name: &str) -> anyhow::Result<Name> {
    let mut incoming = store.begin()?;
    incoming.write(bytes)?;
    incoming.persist(&name(as_name)).map(|stored| stored.name)
}

#[test]
fn a_file_is_stored_whole_and_nothing_else_is_left() {
    with_each_staging(|store, place| {
        assert!(names(place).is_empty(), "the probe leaves nothing");
        let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
        let mut incoming = store.begin().unwrap();
        bytes.chunks(777).for_each(|chunk| incoming.write(chunk).unwrap());
        assert_eq!(incoming.persist(&name("a b.bin")).unwrap().name, name("a b.bin"));
        assert_eq!(persist(&store, b"", "empty").unwrap(), name("empty"));
        assert_eq!(contents(place), BTreeMap::from([("a b.bin".into(), bytes), ("empty".into(), vec![])]));
        let mode = std::fs::metadata(place.path().join("empty")).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777 & !0o044, 0o600, "at most for all to read: {mode:o}");
        store.begin().unwrap().write(b"dropped before it is persisted").unwrap();
        assert_eq!(names(place), ["a b.bin", "empty"]);
    });
}

#[test]
fn a_full_disk_is_reported_with_the_systems_reason() {
    let place = tempdir().unwrap();
    let store = Store::open(place.path()).unwrap();
    let file = File::options().write(true).open("/dev/full").unwrap();
    let mut incoming = Incoming { store: &store, file, temporary: None };
    let reason = Language::English.reasons(&incoming.write(b"x").unwrap_err());
    assert_eq!(reason, "cannot write the file: No space left on device");
}

#[test]
fn a_taken_name_gets_a_number_and_existing_entries_stay() {
    with_each_staging(|store, place| {
        std::fs::write(place.path().join("x.txt"), "first").unwrap();
        std::fs::create_dir(place.path().join("x-2.txt")).unwrap();
        for (bytes, kept) in [(b"second", "x-3.txt"), (b"third!", "x-4.txt")] {
            assert_eq!(persist(&store, bytes, "x.txt").unwrap(), name(kept));
        }
        let expected = [("x.txt", "first"), ("x-2.txt", ""), ("x-3.txt", "second"), ("x-4.txt", "third!")];
        assert_eq!(contents(place), expected.map(|(name, text)| (name.into(), text.into())).into());
    });
}

#[test]
fn a_stored_file_grows_in_its_place_and_is_removed_from_it_alone() {
    with_each_staging(|store, place| {
        let begin = |as_name: &str| {
            let mut incoming = store.begin().unwrap();
            incoming.write(b"one\n").unwrap();
            incoming.persist(&name(as_name)).unwrap()
        };
        let mut stored = begin("x.txt");
        stored.write(b"two\n").unwrap();
        stored.sync().unwrap();
        assert_eq!(contents(place), BTreeMap::from([("x.txt".into(), b"one\ntwo\n".to_vec())]));
        stored.remove().unwrap();
        assert!(names(place).is_empty());
        let moved = begin("y.txt");
        std::fs::rename(place.path().join("y.txt"), place.path().join("z.txt")).unwrap();
        std::fs::write(place.path().join("y.txt"), "another's").unwrap();
        moved.remove().unwrap();
        assert_eq!(names(place), ["y.txt", "z.txt"]);
    });
}

#[test]
fn a_symbolic_link_is_neither_followed_nor_replaced() {
    with_each_staging(|store, place| {
        let elsewhere = tempdir().unwrap();
        let victim = elsewhere.path().join("victim");
        std::fs::write(&victim, "precious").unwrap();
        symlink(&victim, place.path().join("x.txt")).unwrap();
        symlink(elsewhere.path().join("nowhere"), place.path().join("x-2.txt")).unwrap();
        assert_eq!(persist(&store, b"new", "x.txt").unwrap(), name("x-3.txt"));
        assert_eq!(std::fs::read(&victim).unwrap(), b"precious");
        assert_eq!(names(&elsewhere), ["victim"]);
        assert!(std::fs::symlink_metadata(place.path().join("x.txt")).unwrap().is_symlink());
    });
}

#[test]
fn twenty_concurrent_files_of_one_name_get_a_name_each() {
    with_each_staging(|store, place| {
        let (start, store) = (&Barrier::new(20), &store);
        std::thread::scope(|scope| {
            for i in 1..=20 {
                scope.spawn(move || {
                    // A process each in the server; here a thread with a process number of its own.
                    let mut incoming = store.begin_for(Pid::from_raw(i)).unwrap();
                    incoming.write(&[i as u8; 5000]).unwrap();
                    start.wait();
                    incoming.write(&[i as u8; 5000]).unwrap();
                    incoming.persist(&name("same.bin")).unwrap();
                });
            }
        });
        let all = contents(place);
        let expected: BTreeSet<String> =
            (2..=20).map(|i| format!("same-{i}.bin")).chain(["same.bin".into()]).collect();
        assert!(all.keys().eq(&expected), "{:?}", all.keys());
        let stored: BTreeSet<Vec<u8>> = all.into_values().collect();
        assert!(stored == (1..=20).map(|i| vec![i; 10_000]).collect(), "each file has one writer's bytes");
    });
}

#[test]
fn a_name_whose_numbers_are_all_taken_gets_the_time_and_the_pid() {
    with_each_staging(|store, place| {
        let taken = name("x.txt");
        std::fs::write(place.path().join("x.txt"), "").unwrap();
        for number in 2..=MAX_NUMBER {
            let numbered = place.path().join(taken.numbered(number).as_str());
            // Cheaper than a file.
            std::fs::hard_link(place.path().join("x.txt"), numbered).unwrap();
        }
        let kept = [b"one", b"two"].map(|bytes| (persist(&store, bytes, "x.txt").unwrap(), bytes));
        for (kept, bytes) in kept {
            assert!(kept.as_str().ends_with(&format!("-{}.txt", Pid::this())), "{kept}");
            assert_eq!(std::fs::read(place.path().join(kept.as_str())).unwrap(), bytes);
        }
        assert_eq!(contents(place).values().filter(|bytes| bytes.is_empty()).count(), MAX_NUMBER as usize);
    });
}

#[test]
fn a_removed_directory_is_an_error_and_its_successor_is_not_touched() {
    with_each_staging(|store, place| {
        let incoming = store.begin_for(Pid::from_raw(1)).unwrap();
        std::fs::remove_dir_all(place.path()).unwrap();
        std::fs::create_dir(place.path()).unwrap();
        for result in [incoming.persist(&name("x")).map(|stored| stored.name), persist(&store, b"new", "x")] {
            let reason = format!("{:#}", result.unwrap_err());
            let expected = ["No such file or directory", "which was removed"];
            assert!(expected.iter().any(|why| reason.contains(why)), "{reason}");
        }
        assert!(names(place).is_empty());
    });
}

#[test]
fn a_moved_directory_is_followed() {
    with_each_staging(|store, place| {
        let moved = place.path().with_extension("moved");
        std::fs::rename(place.path(), &moved).unwrap();
        std::fs::create_dir(place.path()).unwrap();
        persist(&store, b"new", "x").unwrap();
        assert!(names(place).is_empty());
        assert_eq!(std::fs::read(moved.join("x")).unwrap(), b"new");
        std::fs::remove_dir_all(moved).unwrap();
    });
}

#[test]
fn the_file_of_a_killed_child_is_removed_at_its_reaping() {
    with_each_staging(|store, place| {
        let is_named = store.temporary_names;
        let (child, other) = (Pid::from_raw(7), Pid::from_raw(8));
        let mut incoming = store.begin_for(child).unwrap();
        incoming.write(b"half").unwrap();
        std::mem::forget(incoming);
        let temporary = store.temporary_name(child, "part");
        assert_eq!(names(place), if is_named { vec![temporary] } else { vec![] });
        store.remove_leftover(other);
        assert_eq!(names(place).len(), usize::from(is_named));
        store.remove_leftover(child);
        store.remove_leftover(child);
        assert!(names(place).is_empty());
        // The first process could not remove it: a later child of the same pid begins its own.
        std::mem::forget(store.begin_for(child).unwrap());
        let mut incoming = store.begin_for(child).unwrap();
        incoming.write(b"whole").unwrap();
        incoming.persist(&name("a")).unwrap();
        assert_eq!(contents(place), BTreeMap::from([("a".to_string(), b"whole".to_vec())]));
    });
}

#[test]
fn an_unusable_directory_is_reported_at_once_with_the_reason() {
    let place = tempdir().unwrap();
    let file = place.path().join("file");
    std::fs::write(&file, "").unwrap();
    // Not even root can create files in /proc.
    for (path, what, reason) in [
        (place.path().join("missing"), "cannot open the directory", "No such file or directory"),
        (file, "cannot open the directory", "Not a directory"),
        ("/proc".into(), "cannot make a file in the directory", ""),
    ] {
        let error = Store::open(&path).unwrap_err();
        assert!(error.root_cause().is::<io::Error>(), "{error:?}");
        let error = Language::English.reasons(&error);
        let parts = [what, path.to_str().unwrap(), reason];
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
    }
}

/// Two hosts, or two pid namespaces.
#[test]
fn servers_with_children_of_the_same_pid_keep_their_files_apart() {
    with_each_staging(|store, place| {
        let mut other = Store::open(place.path()).unwrap();
        other.temporary_names = store.temporary_names;
        let child = Pid::from_raw(7);
        let begun = [(&store, "first"), (&other, "second")].map(|(store, text)| {
            let mut incoming = store.begin_for(child).unwrap();
            incoming.write(text.as_bytes()).unwrap();
            (incoming, text)
        });
        // A third child, killed.
        std::mem::forget(other.begin_for(Pid::from_raw(8)).unwrap());
        store.remove_leftover(Pid::from_raw(8));
        for (incoming, text) in begun {
            incoming.persist(&name(text)).unwrap();
            assert_eq!(std::fs::read_to_string(place.path().join(text)).unwrap(), text);
        }
        assert_eq!(names(place).len(), if store.temporary_names { 3 } else { 2 });
    });
}
