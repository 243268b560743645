//! Which changes on the disk are seen, and which are not ours to see.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use vestibule::lifecycle::Watch;

/// A folder of its own for one test.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("vestibule-watch-{}-{test}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        Self(folder)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn put(&self, name: &str, text: &str) {
        fs::write(self.at(name), text).expect("a file");
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Waits until the file is seen to change by `change`.
async fn seen(file: &Path, change: impl FnOnce()) {
    let watch = Watch::new(&[file.to_owned()]).expect("a watch");
    assert!(watch.unseen().is_empty());
    change();
    watch.changed().await;
}

#[tokio::test]
async fn a_write_in_place_a_rename_a_new_mode_and_an_end_are_seen() {
    let folder = Folder::new("plain");
    folder.put("file", "one");
    let file = folder.at("file");
    seen(&file, || folder.put("file", "two")).await;
    folder.put("file.new", "three");
    seen(&file, || fs::rename(folder.at("file.new"), &file).expect("a rename")).await;
    seen(&file, || fs::set_permissions(&file, Permissions::from_mode(0o600)).expect("a mode")).await;
    seen(&file, || fs::rename(&file, folder.at("file~")).expect("a rename")).await;
    seen(&file, || folder.put("file", "four")).await;
    seen(&file, || fs::remove_file(&file).expect("an end")).await;
    seen(&file, || fs::hard_link(folder.at("file~"), &file).expect("a second name")).await;
}

#[tokio::test]
async fn a_link_that_is_led_elsewhere_is_seen_as_in_a_mounted_config_map() {
    let folder = Folder::new("mount");
    for (version, text) in [("..1", "one"), ("..2", "two")] {
        fs::create_dir(folder.at(version)).expect("a folder");
        folder.put(&format!("{version}/file"), text);
    }
    symlink("..1", folder.at("..data")).expect("a link");
    symlink("..data/file", folder.at("file")).expect("a link");
    let file = folder.at("file");
    seen(&file, || {
        symlink("..2", folder.at("..data_tmp")).expect("a link");
        fs::rename(folder.at("..data_tmp"), folder.at("..data")).expect("the swap");
    })
    .await;
    assert_eq!(fs::read_to_string(&file).expect("text"), "two");
    // And what it leads to now is watched as well.
    seen(&file, || folder.put("..2/file", "three")).await;
}

#[tokio::test]
async fn what_is_not_there_yet_is_seen_when_it_comes_and_a_folder_that_takes_another_s_place_too() {
    let folder = Folder::new("later");
    let file = folder.at("a/b/file");
    seen(&file, || fs::create_dir(folder.at("a")).expect("a folder")).await;
    seen(&file, || fs::create_dir(folder.at("a/b")).expect("a folder")).await;
    seen(&file, || folder.put("a/b/file", "one")).await;
    fs::create_dir_all(folder.at("new/b")).expect("a folder");
    seen(&file, || fs::rename(folder.at("a"), folder.at("old")).expect("a rename")).await;
    seen(&file, || fs::rename(folder.at("new"), folder.at("a")).expect("a rename")).await;
}

#[tokio::test]
async fn neither_other_files_nor_reading_nor_a_file_that_is_only_begun_are_changes() {
    let folder = Folder::new("others");
    folder.put("file", "one");
    folder.put("other", "one");
    let files = [folder.at("file"), folder.at("to-come")];
    let watch = Watch::new(&files).expect("a watch");
    let end = Watch::new(&[folder.at("end")]).expect("a watch");
    fs::read(folder.at("file")).expect("bytes");
    folder.put("other", "two");
    let begun = fs::File::create(folder.at("to-come")).expect("a file");
    folder.put("end", "");
    // Both watches hear of everything in the folder at the same moment.
    tokio::select! {
        biased;
        () = watch.changed() => panic!("nothing of it changed"),
        () = end.changed() => {}
    }
    drop(begun);
    watch.changed().await;
}
