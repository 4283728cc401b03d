//! The contract of [`Fs`] as a test-suite: every implementation runs [`run`].

use std::io::{ErrorKind, IoSlice};

use super::{
    DIRECT_BLOCK, Fs, OpenMode, read_exact_at, read_file, replace_file, write_all_at,
    write_all_vectored_at,
};

/// Runs every check, each on a fresh empty file system that `make` provides under the given name.
///
/// # Panics
/// When the implementation breaks the contract.
pub(crate) fn run(make: &dyn Fn(&str) -> Box<dyn Fs>) {
    open_modes(make("open-modes").as_ref());
    bytes(make("bytes").as_ref());
    lengths(make("lengths").as_ref());
    names(make("names").as_ref());
    folders(make("folders").as_ref());
    paths(make("paths").as_ref());
    locks(make("locks").as_ref());
    replaced(make("replaced").as_ref());
    space(make("space").as_ref());
    direct(make("direct").as_ref());
}

fn space(fs: &dyn Fs) {
    let before = fs.space().unwrap();
    assert!(before.free > 0 && before.free <= before.total);
    let file = fs.open("f", OpenMode::CreateNew).unwrap();
    write_all_at(file.as_ref(), &[7; 8192], 0).unwrap();
    file.sync_all().unwrap();
    let after = fs.space().unwrap();
    assert_eq!(
        after.total, before.total,
        "the whole does not depend on what is used"
    );
    assert!(after.free <= after.total);
}

fn open_modes(fs: &dyn Fs) {
    assert_eq!(
        fs.open("a", OpenMode::Read).unwrap_err().kind(),
        ErrorKind::NotFound
    );
    assert_eq!(
        fs.open("a", OpenMode::Write).unwrap_err().kind(),
        ErrorKind::NotFound
    );
    assert_eq!(
        fs.open("no/a", OpenMode::CreateNew).unwrap_err().kind(),
        ErrorKind::NotFound
    );
    let file = fs.open("a", OpenMode::CreateNew).unwrap();
    assert!(file.is_empty().unwrap());
    write_all_at(file.as_ref(), b"kept", 0).unwrap();
    assert_eq!(
        fs.open("a", OpenMode::CreateNew).unwrap_err().kind(),
        ErrorKind::AlreadyExists
    );
    assert_eq!(
        fs.open("a", OpenMode::OpenOrCreate).unwrap().len().unwrap(),
        4
    );
    assert_eq!(fs.open("a", OpenMode::Write).unwrap().len().unwrap(), 4);
    let reader = fs.open("a", OpenMode::Read).unwrap();
    assert!(
        reader.write_at(b"x", 0).is_err(),
        "a handle for reading does not write"
    );
    fs.open("b", OpenMode::OpenOrCreate).unwrap();
    assert!(fs.exists("b").unwrap());
}

fn bytes(fs: &dyn Fs) {
    let file = fs.open("f", OpenMode::CreateNew).unwrap();
    write_all_at(file.as_ref(), &[7; 10_000], 0).unwrap();
    write_all_at(file.as_ref(), b"hello", 4094).unwrap();
    let mut buf = [0; 7];
    read_exact_at(file.as_ref(), &mut buf, 4093).unwrap();
    assert_eq!(&buf, b"\x07hello\x07");
    let mut pieces = [
        IoSlice::new(b""),
        IoSlice::new(b"ab"),
        IoSlice::new(b""),
        IoSlice::new(b"cd"),
    ];
    write_all_vectored_at(file.as_ref(), &mut pieces, 9_998).unwrap();
    assert_eq!(file.len().unwrap(), 10_002);
    let mut buf = [0; 8];
    assert_eq!(
        file.read_at(&mut buf, 9_997).unwrap(),
        5,
        "a read ends at the end of the file"
    );
    assert_eq!(&buf[..5], b"\x07abcd");
    assert_eq!(file.read_at(&mut buf, 20_000).unwrap(), 0);
    assert_eq!(
        read_exact_at(file.as_ref(), &mut buf, 9_997)
            .unwrap_err()
            .kind(),
        ErrorKind::UnexpectedEof
    );
    let other = fs.open("f", OpenMode::Read).unwrap();
    read_exact_at(other.as_ref(), &mut buf, 4094).unwrap();
    assert_eq!(&buf[..5], b"hello", "another handle sees the bytes at once");
    // More pieces than the kernel takes at once.
    let many = vec![[1_u8, 2, 3]; 3000];
    let mut pieces: Vec<_> = many.iter().map(|piece| IoSlice::new(piece)).collect();
    write_all_vectored_at(file.as_ref(), &mut pieces, 0).unwrap();
    let mut buf = vec![0; 9000];
    read_exact_at(file.as_ref(), &mut buf, 0).unwrap();
    assert_eq!(buf, many.concat());
    file.sync_data().unwrap();
    file.sync_all().unwrap();
}

fn lengths(fs: &dyn Fs) {
    let file = fs.open("f", OpenMode::CreateNew).unwrap();
    file.allocate(100_000).unwrap();
    assert_eq!(file.len().unwrap(), 0, "reserving leaves the length");
    write_all_at(file.as_ref(), b"x", 9_000).unwrap();
    assert_eq!(file.len().unwrap(), 9_001);
    let mut buf = vec![1; 9_001];
    read_exact_at(file.as_ref(), &mut buf, 0).unwrap();
    assert!(buf[..9_000].iter().all(|&b| b == 0), "a gap reads as zeros");
    write_all_at(file.as_ref(), &[9; 9_000], 0).unwrap();
    file.set_len(5_000).unwrap();
    file.set_len(9_000).unwrap();
    read_exact_at(file.as_ref(), &mut buf[..9_000], 0).unwrap();
    assert!(buf[..5_000].iter().all(|&b| b == 9));
    assert!(
        buf[5_000..9_000].iter().all(|&b| b == 0),
        "what was cut does not come back"
    );
}

fn names(fs: &dyn Fs) {
    for (name, byte) in [("a", b"a"), ("b", b"b")] {
        let file = fs.open(name, OpenMode::CreateNew).unwrap();
        write_all_at(file.as_ref(), byte, 0).unwrap();
    }
    let old = fs.open("b", OpenMode::Read).unwrap();
    fs.rename("a", "b").unwrap();
    assert!(!fs.exists("a").unwrap());
    assert_eq!(read_file(fs, "b", 10).unwrap().unwrap(), b"a");
    let mut buf = [0; 1];
    read_exact_at(old.as_ref(), &mut buf, 0).unwrap();
    assert_eq!(&buf, b"b", "an open handle outlives its name");
    fs.remove("b").unwrap();
    assert!(!fs.exists("b").unwrap());
    assert_eq!(fs.remove("b").unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(fs.rename("b", "c").unwrap_err().kind(), ErrorKind::NotFound);
    assert!(read_file(fs, "b", 10).unwrap().is_none());
}

fn folders(fs: &dyn Fs) {
    fs.create_dir_all("x/y").unwrap();
    fs.create_dir_all("x/y").unwrap();
    fs.open("x/y/2", OpenMode::CreateNew).unwrap();
    fs.open("x/y/1", OpenMode::CreateNew).unwrap();
    fs.open("x/f", OpenMode::CreateNew).unwrap();
    let names = |path| -> Vec<(String, bool)> {
        fs.list_dir(path)
            .unwrap()
            .into_iter()
            .map(|e| (e.name, e.is_dir))
            .collect()
    };
    assert_eq!(names("x"), [("f".into(), false), ("y".into(), true)]);
    assert_eq!(
        names("x/y"),
        [("1".into(), false), ("2".into(), false)],
        "sorted by name"
    );
    assert_eq!(names(""), [("x".into(), true)]);
    assert_eq!(
        fs.remove_dir("x/y").unwrap_err().kind(),
        ErrorKind::DirectoryNotEmpty
    );
    assert!(fs.remove("x/y").is_err(), "a folder is not a file");
    assert!(fs.rename("x/y", "x/z").is_err(), "folders are not renamed");
    fs.remove("x/y/1").unwrap();
    fs.remove("x/y/2").unwrap();
    fs.sync_dir("x/y").unwrap();
    fs.remove_dir("x/y").unwrap();
    fs.sync_dir("x").unwrap();
    assert_eq!(fs.list_dir("x/y").unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(
        fs.remove_dir("x/y").unwrap_err().kind(),
        ErrorKind::NotFound
    );
    assert!(
        fs.create_dir_all("x/f/z").is_err(),
        "nothing is made below a file"
    );
}

fn paths(fs: &dyn Fs) {
    for bad in ["/etc", "..", "a/../b", "a//b", "./a", "a/"] {
        let kind = fs.open(bad, OpenMode::OpenOrCreate).unwrap_err().kind();
        assert_eq!(kind, ErrorKind::InvalidInput, "{bad}");
        assert_eq!(
            fs.create_dir_all(bad).unwrap_err().kind(),
            ErrorKind::InvalidInput,
            "{bad}"
        );
    }
}

fn locks(fs: &dyn Fs) {
    let lock = fs.lock("LOCK").unwrap();
    assert_eq!(fs.lock("LOCK").unwrap_err().kind(), ErrorKind::WouldBlock);
    drop(lock);
    fs.lock("LOCK").unwrap();
}

fn replaced(fs: &dyn Fs) {
    fs.create_dir_all("d").unwrap();
    replace_file(fs, "d/f", b"first, and long").unwrap();
    replace_file(fs, "d/f", b"second").unwrap();
    assert_eq!(read_file(fs, "d/f", 10).unwrap().unwrap(), b"second");
    assert_eq!(
        read_file(fs, "d/f", 5).unwrap_err().kind(),
        ErrorKind::FileTooLarge
    );
    assert_eq!(
        fs.list_dir("d").unwrap().len(),
        1,
        "nothing is left beside it"
    );
}

fn direct(fs: &dyn Fs) {
    let missing = fs.open("f", OpenMode::Direct).unwrap_err().kind();
    assert_eq!(missing, ErrorKind::NotFound, "it makes no file");
    let file = fs.open("f", OpenMode::CreateNew).unwrap();
    write_all_at(file.as_ref(), &[7; 3 * DIRECT_BLOCK], 0).unwrap();
    let direct = match fs.open("f", OpenMode::Direct) {
        Ok(direct) => direct,
        Err(e) if e.kind() == ErrorKind::InvalidInput => return,
        Err(e) => panic!("{e}"),
    };
    let memory = vec![8; 2 * DIRECT_BLOCK];
    let start = memory.as_ptr().align_offset(DIRECT_BLOCK);
    let block = &memory[start..start + DIRECT_BLOCK];
    assert_eq!(direct.write_at(block, 4096).unwrap(), DIRECT_BLOCK);
    let odd = direct.write_at(&block[..100], 4096).unwrap_err().kind();
    assert_eq!(odd, ErrorKind::InvalidInput, "only whole blocks");
    let mut buf = [0; 2];
    for (offset, expected) in [(4095, [7, 8]), (8191, [8, 7])] {
        read_exact_at(file.as_ref(), &mut buf, offset).unwrap();
        assert_eq!(buf, expected, "other handles see it at once");
    }
    direct.sync_data().unwrap();
}
