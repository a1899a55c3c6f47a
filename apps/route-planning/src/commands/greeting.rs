//! What a developer reads first: where the page is, and lines to paste into a shell.

use crate::http::DevAccess;
use std::fmt::Write;
use std::net::SocketAddr;

const SHELL: &str = r##"
# Paste this first: where the service is, and a token for each tenant
export URL=@URL@
@TOKENS@

# Create a plan, and remember its id
PLAN=$(curl -sS $URL/api/route-plans -H "Authorization: Bearer $@FIRST@" -H 'Content-Type: application/json' \
  -d '{"reference":"by-hand/'$(date +%s)'","depot":{"x":82,"y":76},"capacity":100,"cost_tenths":1180,"priority":5,
       "stops":[{"customer":1,"location":{"x":60,"y":90},"demand":40},{"customer":2,"location":{"x":70,"y":95},"demand":35}]}' \
  | sed 's/.*"id":"\([^"]*\)".*/\1/'); echo $PLAN

# Dispatch it to a driver
curl -sS $URL/api/route-plans/$PLAN/dispatch -H "Authorization: Bearer $@FIRST@" -H 'Content-Type: application/json' \
  -H 'If-Match: "v1"' -d '{"driver":"01890000-0000-7000-8000-000000000007"}'

# Complete it
curl -sS -X POST $URL/api/route-plans/$PLAN/complete -H "Authorization: Bearer $@FIRST@"

# List what is done; the other tenant sees nothing of it
curl -sS "$URL/api/route-plans?status=done&limit=5" -H "Authorization: Bearer $@FIRST@"
curl -sS "$URL/api/route-plans?status=done&limit=5" -H "Authorization: Bearer $@LAST@"
"##;

/// The lines for a service on that address.
pub(super) fn greeting(listen: SocketAddr, dev: &DevAccess) -> String {
    let variable =
        |tenant: &idp::prelude::TenantId| tenant.as_str().to_uppercase().replace('-', "_");
    let mut tokens = String::new();
    for tenant in dev.tenants() {
        let token = dev.token(tenant);
        write!(tokens, "\nexport {}={token}", variable(tenant)).expect("a string takes text");
    }
    let of = |tenant: Option<_>| tenant.map(variable).unwrap_or_default();
    SHELL
        .replace("@URL@", &format!("http://{listen}"))
        .replace("@TOKENS@", tokens.trim_start())
        .replace("@FIRST@", &of(dev.tenants().first()))
        .replace("@LAST@", &of(dev.tenants().last()))
}
