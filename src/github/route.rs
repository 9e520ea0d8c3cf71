//! The template of a route, for logs: `/repos/{owner}/{repo}/issues/{number}`. What a person or a secret may
//! have put into a path or a query does not appear in it.

/// The words of GitHub's API that the agent uses in paths.
const WORDS: [&str; 24] = [
    "api",
    "app",
    "app-manifests",
    "assignees",
    "attempts",
    "collaborators",
    "comments",
    "config",
    "conversions",
    "deliveries",
    "events",
    "graphql",
    "hook",
    "hooks",
    "installation",
    "installations",
    "issues",
    "labels",
    "permission",
    "reactions",
    "repos",
    "repositories",
    "timeline",
    "user",
];

/// The template of a path, without its query. A segment that is no known word is named by what stands
/// before it.
pub(super) fn template(route: &str) -> String {
    let path = route.split(['?', '#']).next().unwrap_or_default();
    let mut template = String::new();
    let mut segments = path.split('/').filter(|segment| !segment.is_empty()).peekable();
    // The address of a next page has the prefix of an Enterprise server.
    if segments.peek() == Some(&"api") {
        segments.nth(1);
    }
    let mut before = "";
    for segment in segments {
        let name = match before {
            "repos" => "{owner}",
            "{owner}" => "{repo}",
            "labels" => "{label}",
            "collaborators" | "assignees" => "{login}",
            "app-manifests" => "{code}",
            _ if segment.bytes().all(|byte| byte.is_ascii_digit()) => "{number}",
            _ => WORDS.iter().find(|word| **word == segment).copied().unwrap_or("{value}"),
        };
        template.push('/');
        template.push_str(name);
        before = name;
    }
    template
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_holds_no_value() {
        for (route, expect) in [
            ("/user", "/user"),
            ("/repos/example/tickets", "/repos/{owner}/{repo}"),
            ("/repos/issues/labels/issues/12", "/repos/{owner}/{repo}/issues/{number}"),
            ("/repos/a/b/issues?labels=x&since=y", "/repos/{owner}/{repo}/issues"),
            (
                "/repos/a/b/issues/12/labels/medic%3Aworking",
                "/repos/{owner}/{repo}/issues/{number}/labels/{label}",
            ),
            (
                "/repos/a/b/issues/comments/7/reactions",
                "/repos/{owner}/{repo}/issues/comments/{number}/reactions",
            ),
            (
                "/repos/a/b/collaborators/ada/permission",
                "/repos/{owner}/{repo}/collaborators/{login}/permission",
            ),
            ("/app-manifests/s3cr3t/conversions", "/app-manifests/{code}/conversions"),
            ("/app/hook/deliveries/9/attempts", "/app/hook/deliveries/{number}/attempts"),
            ("/api/v3/repositories/7/issues?page=2", "/repositories/{number}/issues"),
            ("/somewhere/else", "/{value}/{value}"),
        ] {
            assert_eq!(template(route), expect, "{route}");
        }
    }
}
