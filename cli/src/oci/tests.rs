//! The layout read as a client reads it: with the types of another library, from the index to the file.

use super::*;
use flate2::read::GzDecoder;
use oci_spec::image::{
    Descriptor, DigestAlgorithm, ImageConfiguration, ImageIndex, ImageManifest, MediaType, OciLayout,
};
use std::collections::BTreeSet;
use std::io::Read;

/// The blob of a descriptor, which must be as long as it says and have its digest.
fn blob(folder: &Path, of: &Descriptor) -> Vec<u8> {
    assert_eq!(*of.digest().algorithm(), DigestAlgorithm::Sha256);
    let bytes = std::fs::read(folder.join("blobs/sha256").join(of.digest().digest())).unwrap();
    assert_eq!(u64::try_from(bytes.len()).unwrap(), of.size());
    assert_eq!(hex(&bytes), of.digest().digest());
    bytes
}

fn read(bytes: Vec<u8>) -> impl Read {
    io::Cursor::new(bytes)
}

/// Follows the layout as an image's client does; returns the module, and what the files were.
fn pull(folder: &Path, tag: &str, digest: &str) -> (Vec<u8>, BTreeSet<String>) {
    let layout = OciLayout::from_file(folder.join("oci-layout")).unwrap();
    assert_eq!(layout.image_layout_version(), "1.0.0");
    let index = ImageIndex::from_file(folder.join("index.json")).unwrap();
    assert_eq!((index.schema_version(), index.media_type().clone()), (2, Some(MediaType::ImageIndex)));
    let [entry] = index.manifests().as_slice() else { panic!("one image: {index:?}") };
    assert_eq!(*entry.media_type(), MediaType::ImageManifest);
    assert_eq!(entry.annotations().as_ref().unwrap()["org.opencontainers.image.ref.name"], tag);
    assert_eq!(entry.digest().digest(), digest);

    let manifest = ImageManifest::from_reader(read(blob(folder, entry))).unwrap();
    assert_eq!(*manifest.media_type(), Some(MediaType::ImageManifest));
    assert_eq!(*manifest.config().media_type(), MediaType::ImageConfig);
    let config = ImageConfiguration::from_reader(read(blob(folder, manifest.config()))).unwrap();
    let [layer] = manifest.layers().as_slice() else { panic!("one layer: {manifest:?}") };
    assert_eq!(*layer.media_type(), MediaType::ImageLayerGzip);
    assert_eq!(layer.media_type().to_string(), "application/vnd.oci.image.layer.v1.tar+gzip");

    let mut unpacked = Vec::new();
    GzDecoder::new(read(blob(folder, layer))).read_to_end(&mut unpacked).unwrap();
    assert_eq!(*config.rootfs().diff_ids(), [format!("sha256:{}", hex(&unpacked))]);
    let mut archive = tar::Archive::new(unpacked.as_slice());
    let mut entries = archive.entries().unwrap();
    let mut file = entries.next().unwrap().unwrap();
    assert_eq!(file.path().unwrap().to_str(), Some("plugin.wasm"));
    assert!(file.header().entry_type().is_file());
    let mut module = Vec::new();
    file.read_to_end(&mut module).unwrap();
    assert!(entries.next().is_none());

    let blobs = [entry, manifest.config(), layer].map(|d| format!("blobs/sha256/{}", d.digest().digest()));
    let names = blobs.into_iter().chain(["oci-layout".to_owned(), "index.json".to_owned()]).collect();
    (module, names)
}

#[test]
fn a_client_finds_the_module_byte_for_byte_and_nothing_that_is_not_named() {
    let folder = tempfile::tempdir().unwrap();
    let modules = [
        Vec::new(),
        b"\0asm\x01\0\0\0".to_vec(),
        (0..1_000_000_u32).map(|i| (i.wrapping_mul(i) >> 7) as u8).collect(),
    ];
    for module in modules {
        let folder = folder.path().join(module.len().to_string());
        let layout = Layout::of(&module, "1.2.3").unwrap();
        layout.write(&folder).unwrap();
        let (unpacked, names) = pull(&folder, "1.2.3", &layout.digest);
        assert!(unpacked == module);
        assert_eq!(layout.files.iter().map(|(name, _)| name.clone()).collect::<BTreeSet<_>>(), names);
    }
}

#[test]
fn the_same_module_gives_the_same_image() {
    let image = |module: &[u8]| Layout::of(module, "1").unwrap();
    assert_eq!(image(b"module"), image(b"module"));
    assert_ne!(image(b"module").digest, image(b"another").digest);
    // No time and no system is in the layer's gzip header (RFC 1952).
    let layer =
        image(b"module").files.into_iter().map(|(_, blob)| blob).find(|blob| blob.starts_with(&[0x1f, 0x8b]));
    assert_eq!(layer.unwrap()[4..10], [0, 0, 0, 0, 2, 255]);
}
