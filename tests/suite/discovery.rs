//! What system types look for on a new host: what hostile answers become, and the real scripts in real shells, with
//! programs and files that stand in for those of a server.

use fieldmedic::core::ids::{HostName, SystemTypeName};
use fieldmedic::core::playbook::Library;
use fieldmedic::core::playbook::discovery::{Discovery, Proposal};
use fieldmedic::library::{Files, load};
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};
use tempfile::TempDir;

const APP: &str = "format: 1\nsystem_type: app\nparams:\n  path: { type: path, help: where }\n  port: { type: integer, default: 80, max: 65535, help: which }\n  parts: { type: names, default: [], help: parts }\nprobes:\n  disk: { run: df, facts: { used: text } }\ndiscover: { script: \"echo\" }\n";

fn library_of(files: &[(&str, String)]) -> Result<Library, Vec<String>> {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), text.clone())).collect();
    load(&Files::from_map(files))
        .map_err(|problems| problems.list().iter().map(|p| p.message.clone()).collect())
}

fn two_types() -> Library {
    let other = APP.replace("system_type: app", "system_type: special");
    library_of(&[("app/system.yaml", APP.to_owned()), ("special/system.yaml", other)])
        .expect("sound playbooks")
}

fn read(library: &Library, answers: &[(&str, Result<&str, &str>)]) -> Discovery {
    let answers: BTreeMap<SystemTypeName, Result<String, String>> = answers
        .iter()
        .map(|(name, answer)| {
            let answer = answer.map(str::to_owned).map_err(str::to_owned);
            (SystemTypeName::new(*name).expect("a name"), answer)
        })
        .collect();
    Discovery::read(library, &HostName::new("north").expect("a name"), &answers)
}

fn params(proposal: &Proposal) -> String {
    serde_json::to_string(&proposal.params).expect("JSON")
}

#[test]
fn a_line_becomes_a_proposal_of_typed_values() {
    let text = "found\tunit:x\tMy App!\tan app\tpath=/srv/app\tport=8080\tparts=a,b\nfound\thost\t\tthe host itself\n";
    let seen = read(&two_types(), &[("app", Ok(text))]);
    let [one, two] = &seen.proposals[..] else { panic!("{seen:?}") };
    assert_eq!((one.name.as_str(), one.what.as_str()), ("my-app", "an app"));
    assert_eq!(params(one), r#"{"parts":["a","b"],"path":"/srv/app","port":8080}"#);
    assert!(one.missing.is_empty() && seen.unknown.is_empty());
    assert_eq!(two.name.as_str(), "north");
    assert_eq!(two.missing.iter().map(|name| name.as_str()).collect::<Vec<_>>(), ["path"]);
}

#[test]
fn what_one_type_covers_is_proposed_by_it_alone() {
    let special = "covers\tunit:x\nfound\tspecial:x\tspecial\ts\tpath=/x\nfound\tunit:x\tself\ts\tpath=/x\n";
    let app = "found\tunit:x\tx\ta\tpath=/x\nfound\tunit:y\ty\ta\tpath=/y\n";
    let seen = read(&two_types(), &[("app", Ok(app)), ("special", Ok(special))]);
    let names: Vec<&str> = seen.proposals.iter().map(|proposal| proposal.name.as_str()).collect();
    assert_eq!(names, ["y", "special", "self"], "its own finds stay");
}

#[test]
fn what_cannot_be_read_is_unknown_and_nothing_hostile_is_used() {
    let library = two_types();
    for (line, expect) in [
        ("found\tk\tx\ta\tpath=relative", "its path cannot be used"),
        ("found\tk\tx\ta\tpath=/a/../etc", "its path cannot be used"),
        ("found\tk\tx\ta\tpath=/a;reboot", "its path cannot be used"),
        ("found\tk\tx\ta\tpath=/a\tport=99999", "its port cannot be used"),
        ("found\tk\tx\ta\tpath=/a\tsudo=yes", "is not known"),
        ("found\tk\tx\ta\tpath", "is not known"),
        ("found\tk", "cannot be read"),
        ("found\t\tx\ta\tpath=/a", "cannot be read"),
        ("covers\t", "cannot be read"),
        ("covers\ta\tb", "cannot be read"),
        ("[hosts.evil]", "cannot be read"),
        (&format!("found\tk\tx\t{}", "a".repeat(5000)), "cannot be read"),
        ("unknown\tit is dark", "it is dark"),
    ] {
        let seen = read(&library, &[("app", Ok(line))]);
        assert!(seen.unknown.iter().any(|(_, why)| why.contains(expect)), "{line}: {seen:?}");
        assert!(seen.proposals.is_empty(), "{line}: {seen:?}");
    }
    let failed = read(&library, &[("app", Err("no answer"))]);
    assert_eq!(failed.unknown.len(), 1);
    let many: String = (0..500).map(|n| format!("found\tk{n}\tx{n}\ta\tpath=/a\nnonsense {n}\n")).collect();
    let seen = read(&library, &[("app", Ok(&many))]);
    assert_eq!(seen.proposals.len(), 20);
    assert!(
        seen.unknown.len() <= 10 && seen.unknown.iter().any(|(_, why)| why.contains("more than 20")),
        "{seen:?}"
    );
}

#[test]
fn a_look_has_no_values_and_no_root() {
    for (discover, expect) in [
        ("{ script: \"sudo -n cat /etc/shadow\" }", "without sudo"),
        ("{ script: \"true; sudo ls\" }", "without sudo"),
        ("{ run: ls, sudo: true }", "without sudo"),
        ("{ run: \"ls {{ path }}\" }", "cannot use values"),
        ("{ script: x, env: { A: \"{{ path }}\" } }", "cannot use values"),
        ("{ scrip: x }", "unknown key"),
    ] {
        let text = APP.replace("{ script: \"echo\" }", discover);
        let problems = library_of(&[("app/system.yaml", text)]).expect_err(discover);
        assert!(problems.iter().any(|problem| problem.contains(expect)), "{discover}: {problems:?}");
    }
    let asks = APP.replace("{ script: \"echo\" }", "{ script: \"sudo -n -l psql\" }");
    assert!(library_of(&[("app/system.yaml", asks)]).is_ok(), "to ask what is allowed runs nothing");
    let derived = "format: 1\nsystem_type: derived\nextends: app\n".to_owned();
    let library = library_of(&[("app/system.yaml", APP.to_owned()), ("derived/system.yaml", derived)]);
    assert!(
        library.expect("sound").systems["derived"].discover.is_none(),
        "it is not inherited, or each find would be doubled"
    );
}

/// A server that is made of programs and files in a folder.
struct Server {
    dir: TempDir,
    library: Library,
}

impl Server {
    fn new() -> Self {
        let library = load(&Files::built_in()).expect("the built-in playbooks");
        let server = Self { dir: tempfile::tempdir().expect("a folder"), library };
        // What the machine of the tests has is not this server's.
        server.program("pg_lsclusters", "exit 0");
        server
    }

    fn at(&self, path: &str) -> std::path::PathBuf {
        self.dir.path().join(path)
    }

    fn file(&self, path: &str, text: &str) {
        std::fs::create_dir_all(self.at(path).parent().expect("a folder")).expect("a folder");
        std::fs::write(self.at(path), text).expect("a file");
    }

    /// A program, as a script.
    fn program(&self, name: &str, text: &str) {
        self.file(&format!("bin/{name}"), &format!("#!/bin/sh\n{text}\n"));
        std::fs::set_permissions(self.at(&format!("bin/{name}")), PermissionsExt::from_mode(0o755))
            .expect("set");
    }

    /// The script of a type on this server, in a shell. Its paths lead into the folder.
    fn run(&self, system_type: &str, shell: &[&str]) -> Output {
        let template = self.library.systems[system_type].discover.as_ref().expect("it looks for its kind");
        let root = self.dir.path().display().to_string();
        let mut script = template.script().expect("a script").to_owned();
        for path in [
            "/etc/",
            "/run/systemd",
            "/var/",
            "/usr/sbin/$1",
            "/usr/local/lib/systemd",
            "/lib/systemd",
            "/srv/",
            "/tmp/.s",
        ] {
            for before in [' ', '"', '\'', '\n'] {
                script = script.replace(&format!("{before}{path}"), &format!("{before}{root}{path}"));
            }
        }
        let mut command = Command::new(shell[0]);
        command.args(&shell[1..]).args(["-euc", &script, "discover"]).env("LC_ALL", "C");
        let path = format!("{root}/bin:{root}/none:/usr/bin:/bin");
        command.env("PATH", path).output().expect("the shell is installed")
    }

    fn seen(&self, types: &[&str]) -> Discovery {
        let answers: Vec<(String, String)> = types
            .iter()
            .map(|name| {
                let mut texts = Vec::new();
                for shell in [&["sh"][..], &["busybox", "ash"], &["bash", "--posix"]] {
                    let ran = self.run(name, shell);
                    assert!(
                        ran.status.success(),
                        "{name} in {shell:?}: {}",
                        String::from_utf8_lossy(&ran.stderr)
                    );
                    texts.push(String::from_utf8(ran.stdout).expect("text"));
                }
                assert!(texts.iter().all(|text| *text == texts[0]), "{name}: shells differ: {texts:#?}");
                ((*name).to_owned(), texts.remove(0).replace(&self.dir.path().display().to_string(), ""))
            })
            .collect();
        let answers: Vec<(&str, Result<&str, &str>)> =
            answers.iter().map(|(name, text)| (name.as_str(), Ok(text.as_str()))).collect();
        read(&self.library, &answers)
    }
}

fn shown(discovery: &Discovery) -> String {
    let mut lines: Vec<String> = discovery
        .proposals
        .iter()
        .map(|found| format!("{} {}: {} {}", found.system_type, found.name, found.what, params(found)))
        .collect();
    lines.extend(discovery.unknown.iter().map(|(system_type, why)| format!("? {system_type}: {why}")));
    lines.join("\n")
}

#[test]
fn compose_projects_and_what_belongs_to_them_are_found() {
    let server = Server::new();
    server.program(
        "docker",
        r#"case "$*" in
  *compose.project*) printf '%s\n' 'field	/srv/field	app	running	field-app-1	False' 'field	/srv/field	worker_wrapper	exited	field-worker-1	False' \
    'field	/srv/field	db	running	field-db-1	False' 'wiki	/srv/wiki	web	running	wiki-web-1	False' 'wiki	/srv/wiki	x	exited	wiki-run	True' \
    'lost		web	running	lost-1	False' 'evil	/srv/$(reboot)	web	running	evil-1	False' ;;
  info*) echo /data/docker ;;
  'ps -a --format'*) printf '%s\n' 'field-db-1	postgis/postgis:16	running' 'notes	docker.io/library/postgres:17	exited' 'cache	redis:7	running' \
    'mail	rabbitmq:4-management	running' 'x	example/postgres-exporter	running' ;;
esac"#,
    );
    let seen = server.seen(&["compose-app", "qfieldcloud", "postgresql", "queue"]);
    insta::assert_snapshot!(shown(&seen), @r#"
    compose-app wiki: Compose project in /srv/wiki, 1 of 1 containers run: web {"docker_root":"/data/docker","project_path":"/srv/wiki"}
    postgresql notes: PostgreSQL in the container notes (exited), image docker.io/library/postgres:17 {"container":"notes","way":"docker"}
    qfieldcloud qfieldcloud: QFieldCloud in /srv/field, 2 of 3 containers run {"docker_root":"/data/docker","project_path":"/srv/field"}
    queue cache: redis in the container cache (running), image redis:7 {"kind":"redis","service":"cache","way":"container"}
    queue mail: rabbitmq in the container mail (running), image rabbitmq:4-management {"kind":"rabbitmq","service":"mail","way":"container"}
    ? compose-app: the directory of the Compose project lost is not known
    ? compose-app: something is left out, because its project_path cannot be used: "/srv/$(reboot)" is not a path: use an absolute path without `..` or shell characters
    "#);
}

#[test]
fn a_login_that_may_not_use_docker_makes_everything_in_containers_unknown() {
    let server = Server::new();
    server.program(
        "docker",
        "echo 'permission denied while trying to connect to the Docker daemon socket' >&2; exit 1",
    );
    let seen = server.seen(&["compose-app", "qfieldcloud", "postgresql", "queue"]);
    assert!(seen.proposals.is_empty(), "{seen:?}");
    let types: Vec<&str> = seen.unknown.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(types, ["compose-app", "postgresql", "qfieldcloud", "queue"]);
    assert!(seen.unknown[0].1.contains("usermod -aG docker"), "{seen:?}");
}

#[test]
fn units_of_the_host_are_found_and_those_of_the_distribution_are_not() {
    let server = Server::new();
    std::fs::create_dir_all(server.at("run/systemd/system")).expect("a folder");
    for (unit, start) in [
        ("api", "/srv/api/run"),
        ("shop", "/usr/bin/npm exec next start -- -p 3001"),
        ("nightly", "/usr/local/bin/pg_dump_all"),
        ("cloudflared", "/usr/bin/cloudflared tunnel run"),
        ("old", "/srv/old"),
        ("worker@", "/srv/worker/run %i"),
    ] {
        server
            .file(&format!("etc/systemd/system/{unit}.service"), &format!("[Service]\nExecStart={start}\n"));
    }
    std::os::unix::fs::symlink("/dev/null", server.at("etc/systemd/system/masked.service")).expect("a link");
    server.file("srv/backup/db.sql.gz", "x");
    server.file("etc/cron.d/dumps", "# nightly\n0 1 * * * root /usr/local/bin/restic backup /srv\n");
    server.program(
        "systemctl",
        r#"case "$*" in
  list-unit-files*timer*) echo 'nightly.timer enabled enabled' ;;
  list-unit-files*) for unit in api shop nightly cloudflared old masked ssh worker@ 'bad;name'; do echo "$unit.service enabled enabled"; done ;;
  list-units*@*) echo 'worker@north.service loaded active running A worker' ;;
  list-units*failed*) echo 'api.service loaded failed failed An API' ;;
  is-active*) echo active ;;
  'show nightly.timer'*) echo Unit=nightly.service ;;
  show*ExecStart*) echo 'ExecStart={ path=/usr/local/bin/pg_dump_all }' ;;
  'show redis-server.service'*) printf 'LoadState=loaded\nActiveState=active\nId=redis-server.service\n' ;;
  'show redis.service'*) printf 'LoadState=loaded\nActiveState=active\nId=redis-server.service\n' ;;
  *LoadState*) printf 'LoadState=not-found\nActiveState=inactive\nId=x\n' ;;
  'show api.service'*) printf 'Type=simple\nActiveState=failed\nUnitFileState=enabled\nTriggeredBy=\nDescription=An API\t<b>\n' ;;
  'show nightly.service'*) printf 'Type=oneshot\nActiveState=inactive\nUnitFileState=static\nTriggeredBy=nightly.timer\n' ;;
  'show old.service'*) printf 'Type=simple\nActiveState=inactive\nUnitFileState=disabled\nTriggeredBy=\n' ;;
  show*) printf 'Type=simple\nActiveState=active\nUnitFileState=enabled\nTriggeredBy=\nDescription=x\n' ;;
esac"#,
    );
    server.program("docker", "exit 0");
    let seen = server.seen(&["systemd-service", "nextjs-app", "tunnel", "backup", "queue"]);
    insta::assert_snapshot!(shown(&seen), @r#"
    backup nightly: backup by the unit nightly.service and nightly.timer, archives perhaps in /srv/backup {"archive_dir":"/srv/backup","kind":"files","unit":"nightly"}
    backup backup-dumps: backup by cron, /etc/cron.d/dumps; set archive_dir or env_file for restic {"kind":"restic","unit":"none"}
    nextjs-app shop: Next.js, unit shop.service (active), port 3001 {"port":3001,"unit":"shop"}
    queue redis: redis-server, unit redis-server.service (active) {"kind":"redis","service":"redis-server","way":"unit"}
    systemd-service api: unit api.service (enabled, failed): An API <b> {"unit":"api"}
    systemd-service worker-north: unit worker@north.service (enabled, active): x {"unit":"worker@north"}
    tunnel cloudflared: tunnel of cloudflared, unit cloudflared.service (enabled, active) {"unit":"cloudflared"}
    "#);
    let host = server.seen(&["linux-host"]);
    assert!(host.proposals[0].what.ends_with("failed units: api.service"), "{host:?}");
}

#[test]
fn sites_are_found_by_name_with_their_certificates() {
    let server = Server::new();
    for program in ["nginx", "caddy", "apache2"] {
        server.program(program, "exit 1");
    }
    server.program("openssl", "exit 1");
    server.file("etc/nginx/nginx.conf", "events { }\nhttp { upstream pool { server 127.0.0.1:1; } }\n");
    server.file(
        "etc/nginx/sites-enabled/site",
        "# server { server_name no.example.org; }\nserver { listen 80; server_name www.example.org; return 301 https://$host; }\n\
         server {\n  listen 443 ssl http2; listen [::]:443 ssl;\n  server_name www.example.org;\n\
         ssl_certificate /etc/letsencrypt/live/www.example.org/fullchain.pem;\n  location / { proxy_pass http://127.0.0.1:8000; } }\n\
         server { listen 8080; server_name plain.example.net; location / { proxy_pass http://pool/x; } }\n\
         server { listen 80 default_server; server_name _ localhost 203.0.113.5 $evil; }\n",
    );
    server.file(
        "etc/apache2/sites-enabled/a.conf",
        "<VirtualHost *:443>\n ServerName intern.example.org\n SSLCertificateFile /etc/ssl/x.pem\n ProxyPass / http://127.0.0.1:3000/\n</VirtualHost>\n",
    );
    server.file(
        "etc/caddy/Caddyfile",
        "{\n email a@example.org\n}\nfiles.example.org {\n reverse_proxy 127.0.0.1:7000\n}\n",
    );
    insta::assert_snapshot!(shown(&server.seen(&["web"])), @r#"
    web intern.example.org: apache2 serves intern.example.org on port 443, its certificate was not seen, in front of 127.0.0.1:3000 {"access_log":"/var/log/apache2/access.log","certificate_path":"/etc/ssl/x.pem","proxy":"apache2","proxy_port":443,"site":"intern.example.org","upstream":"127.0.0.1:3000"}
    web files.example.org: caddy serves files.example.org on port 443, its certificate was not seen, in front of 127.0.0.1:7000 {"access_log":"/var/log/caddy/access.log","acme_client":"caddy","proxy":"caddy","proxy_port":443,"site":"files.example.org","upstream":"127.0.0.1:7000"}
    web plain.example.net: nginx serves plain.example.net on port 8080 without TLS {"proxy":"nginx","proxy_port":8080,"proxy_scheme":"http","site":"plain.example.net"}
    web www.example.org: nginx serves www.example.org on port 443, its certificate was not seen, in front of 127.0.0.1:8000 {"certificate_path":"/etc/letsencrypt/live/www.example.org/fullchain.pem","proxy":"nginx","proxy_port":443,"site":"www.example.org","upstream":"127.0.0.1:8000"}
    "#);
}

#[test]
fn servers_of_postgresql_are_found_by_cluster_and_by_socket() {
    let server = Server::new();
    server.program(
        "pg_lsclusters",
        "printf '16 main 5432 online postgres /d /l\\n15 old 5433 down postgres /d /l\\n'",
    );
    server.program("psql", "case $* in *5432*) exit 0 ;; *) exit 2 ;; esac");
    server.program("sudo", "exit 1");
    server.program("docker", "exit 0");
    insta::assert_snapshot!(shown(&server.seen(&["postgresql"])), @r#"
    postgresql postgresql: PostgreSQL 16, port 5432, cluster main is online {"port":5432,"socket_dir":"/var/run/postgresql","way":"login"}
    postgresql postgresql-old: PostgreSQL 15, port 5433, cluster old is down; the login does not reach psql yet: host-setup prints the rule for sudo {"port":5433,"socket_dir":"/var/run/postgresql","way":"sudo"}
    "#);
}

/// On whatever machine the tests run, a look ends well, and each of its lines can be read.
#[test]
fn every_look_ends_well_on_a_real_machine() {
    let library = load(&Files::built_in()).expect("the built-in playbooks");
    let mut count = 0;
    for (name, system_type) in &library.systems {
        let Some(template) = &system_type.discover else { continue };
        let ran =
            Command::new("sh").args(["-euc", template.script().expect("a script")]).output().expect("sh");
        assert!(ran.status.success(), "{name}: {}", String::from_utf8_lossy(&ran.stderr));
        let text = String::from_utf8(ran.stdout).expect("text");
        let seen = read(&library, &[(name.as_str(), Ok(&text))]);
        assert!(
            !seen.unknown.iter().any(|(_, why)| why.contains("a line of the answer")),
            "{name}: {seen:?}"
        );
        count += 1;
    }
    assert!(count >= 10, "only {count} types look for their kind");
}
