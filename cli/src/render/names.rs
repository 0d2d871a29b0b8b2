//! A service in, names that Kubernetes takes out.

use sha2::{Digest, Sha256};

/// Longest label of a DNS name (RFC 1123), and longest value of a Kubernetes label.
const MAX_LABEL: usize = 63;

/// `redline-SERVICE` with an ending such as `-slo`, as a DNS label: at most 63 of a-z, 0-9 and -, a letter first, a
/// letter or digit last.
///
/// A service may have a name that is too long for that, or ends with -: its name is then cut, and a digest keeps it apart.
pub fn resource(service: &str, ending: &str) -> String {
    let room = MAX_LABEL.saturating_sub("redline-".len()).saturating_sub(ending.len());
    format!("redline-{}{ending}", label(service, room))
}

/// The service as the value of a Kubernetes label, or as a name: quote it, it may be all digits.
pub fn label_value(service: &str) -> String {
    label(service, MAX_LABEL)
}

fn label(service: &str, room: usize) -> String {
    let outer = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    if service.len() <= room && outer(service.chars().next()) && outer(service.chars().last()) {
        return service.to_owned();
    }
    let digest: String = Sha256::digest(service).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let kept: String = service.chars().take(room.saturating_sub(digest.len()).saturating_sub(1)).collect();
    match kept.trim_matches('-') {
        "" => digest,
        kept => format!("{kept}-{digest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_services_keep_their_names_and_no_two_share_one() {
        assert_eq!(resource("shop", ""), "redline-shop");
        assert_eq!(resource("shop", "-rules"), "redline-shop-rules");
        assert_eq!(label_value("shop"), "shop");
        let long = "a".repeat(63);
        let odd = ["a-", "-a", "a", "-", "---", "--", long.as_str(), &long[..62], &long[..56], &long[..55]];
        for ending in ["", "-dashboards"] {
            let names: Vec<String> = odd.iter().map(|service| resource(service, ending)).collect();
            for (i, name) in names.iter().enumerate() {
                assert!(name.len() <= MAX_LABEL && !name.ends_with('-'), "{name}");
                assert!(
                    name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'),
                    "{name}"
                );
                assert!(!names.iter().take(i).any(|other| other == name), "{name} twice");
            }
        }
        assert_eq!(label_value(&long), long);
        assert!(odd.iter().all(|service| !label_value(service).starts_with('-')));
    }
}
