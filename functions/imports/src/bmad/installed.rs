//! An installed tree lists its files with their sums: a file that was changed since is named.

use sha2::{Digest, Sha256};

use super::files;
use crate::bundle::Bundle;
use crate::report::Report;

const MANIFEST: &str = "_bmad/_config/files-manifest.csv";

pub(super) fn verify(bundle: &Bundle, report: &mut Report) {
    let Some(text) = files::text(bundle, MANIFEST, report) else { return };
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let Ok(headers) = reader.headers().cloned() else { return };
    let place = |name: &str| headers.iter().position(|header| header == name);
    let (Some(path_at), Some(sum_at)) = (place("path"), place("hash")) else {
        report.reject(MANIFEST, "it has no columns `path` and `hash`");
        return;
    };
    for record in reader.records().filter_map(Result::ok) {
        let (Some(path), Some(sum)) = (record.get(path_at), record.get(sum_at)) else { continue };
        let path = format!("_bmad/{path}");
        // The installer moves skills out to the tool's own folder: what is not here is no fault.
        let Some(bytes) = bundle.get(&path) else { continue };
        if files::hex(&Sha256::digest(bytes)) == sum.to_lowercase() {
            report.count("files_verified", 1);
        } else {
            report.warn(format!("{path} was changed since it was installed"));
        }
    }
}
