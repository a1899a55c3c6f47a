//! Where the generated code finds `idp-domain`: directly, or through the facade `idp`.

use syn::{Path, parse_quote};

/// The path of `idp-domain`: the one that the type gives as `crate = "…"`, else `::idp_domain` when
/// the manifest of the crate being built mentions `idp-domain`, else the module of the facade.
pub(crate) fn domain_path(given: Option<Path>) -> Path {
    given.unwrap_or_else(|| {
        if manifest().is_some_and(|manifest| mentions_domain(&manifest)) {
            parse_quote!(::idp_domain)
        } else {
            parse_quote!(::idp::domain)
        }
    })
}

fn manifest() -> Option<String> {
    let directory = std::env::var_os("CARGO_MANIFEST_DIR")?;
    std::fs::read_to_string(std::path::Path::new(&directory).join("Cargo.toml")).ok()
}

/// Whether the manifest names the crate outside of a comment.
fn mentions_domain(manifest: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    manifest
        .lines()
        .filter_map(|line| line.split('#').next())
        .flat_map(|line| line.split(|c| !is_part(c)))
        .any(|word| word == "idp-domain")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_mentions_the_crate_by_its_whole_name() {
        assert!(mentions_domain("[dependencies]\nidp-domain.workspace = true"));
        assert!(mentions_domain("[dependencies.idp-domain]\npath = \"x\""));
        assert!(mentions_domain("[package]\nname = \"idp-domain\""));
        assert!(!mentions_domain("[package]\nname = \"my-idp-domain\""));
        assert!(!mentions_domain("idp = \"1\" # not idp-domain"));
    }
}
