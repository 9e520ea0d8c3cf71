//! The words by which names of secrets are known, in lower case and without accents, parted by blanks.

/// A name that contains one of these names a secret, in whatever case and with whatever separators.
pub(super) const STEMS: &str = "
    password passwd passphrase passcode passwrd secret token credential sharedkey apikey privatekey
    privkey connectionstring connstr recoverycode backupcode mnemonic seedphrase htpasswd keystorepass
    storepass userpass rootpass dbpass adminpass mailpass smtppass ftppass authpass privpass bindpw
    rootpw storages passwort kennwort losungswort zugangscode zugangsdaten zugangsschlussel geheimnis
    geheimwort wachtwoord losenord passord adgangskode kodeord salasana parool lykilord adgangsord
    schlusselwort motdepasse motpasse contrasena contrasenya contrasinal parolachiave parolaordine
    paroladordine palavrapasse palavrachave cleprivee clesecrete cleapi claveprivada clavesecreta
    claveapi clavedeacceso chaveprivada chavesecreta chiaveprivata chiavesegreta segredo secreto segreto
    codigodeacceso identifiantsecret jeton haslo heslo jelszo lozinka zaporka slaptazodis sifresi
    kluczprywatny kluczapi tajnyklic salasona пароль пароля паролі паролем парола лозинка шифра секрет
    токен гасло κωδικοσ κωδικός συνθηματικο συνθηματικό סיסמה סיסמא كلمةالمرور كلمةالسر رمزعبور पासवर्ड
    รหัสผ่าน matkhau katasandi katalaluan 密码 密碼 口令 密钥 密鑰 私钥 令牌 パスワード パスフレーズ 暗証番号 秘密鍵 秘密键 トークン 비밀번호 암호
    비밀키 토큰
";

/// A whole word of a name that names a secret.
pub(super) const WORDS: &str = "
    pass pw pwd passw psw pswd psk pasw passwords salt pepper mdp creds cred otp totp hotp pin puk tan
    cvv cvc cvv2 mfa privkeys senha senhas clave parola parole geslo sifre geheim hasla wachtwoorden
    wpapsk requirepass masterauth bearer authtoken authtok authkey passwort cookie cookies authorization dek kek
    jwt psk2 tunnelsecret advsecret secretkeys passe sandi kode wifipassword storetype_pass userpw dbpw
    adminpw psks keypass plaintext unlock macaroon hmac
";

/// A word of this list is a secret if its value looks like one, because it often names something else.
pub(super) const DOUBTFUL: &str = "
    auth session sessions sid sessid sessionid phpsessid jsessionid csrf xsrf csrftoken nonce signature
    sig sas pat seed webhook unlock kode community verifier challenge ticket hmac plaintext license
    licence identityfile
";

/// What stands before `key` where the key is secret.
pub(super) const SECRET_KEYS: &str = "
    api app application access private priv encryption encrypt crypt crypto cipher decryption signing
    sign signature auth authentication master session secret shared preshared psk fernet webhook hmac
    aes jwt jwk jws jwe noise identity install license licence service account storage wireguard wg
    unseal recovery root admin deploy consumer validation machine join bootstrap data kms cookie token
    ingest write integration routing subscription function sas advsecret instrumentation streaming
    stream wep wpa wifi keystore backup vault rpc ed25519 rsa ec ecdsa dsa x25519 curve25519 nacl age
    gpg pgp salt pepper erlang reseller secretary
";

/// What stands before `key` where it may be public, a file, or a message of a program.
pub(super) const OTHER_KEYS: &str = "
    tls ssl ssh host client server user site partner secondary primary license licence account service
    root machine data storage identity token integration age gpg pgp ec write session app install join
    backup stream routing function rsa dsa ecdsa ed25519 subscription validation recovery
";

/// The last word of names that speak of a secret and hold none.
pub(super) const DESCRIBED: &str = "
    age alg algorithm at attempts backend backends based bits budget cache change changed charset class
    config configured count created default dir directory disabled driver enabled encoding endpoint env
    error errors exists expiration expired expires expiry failed failures field file filename format
    generator hashers header help hint history id ids in invalid kind label lang last len length
    lifetime limit location manager max mechanism method min missing mode model mount name names ok on
    only option options path paths per plugin policy prefix prompt provider rate ref refresh required
    requirements reset rotation rounds rule rules scope scopes service set size source state status
    stdin store strategy strength suffix support target template time timeout tokenizer ttl type types
    unit updated uri url usage use used user username valid validation validator validators validity
    version view volume volumes window datei ruta fichier login pair metadata serial issuer audience
    subject checksum fingerprint digest hash ring chain event events action operation job task handler
";

/// Names that contain a word of a secret and name something else.
pub(super) const UNRELATED: &str = "
    nopasswd secretary secretariat tokenizer tokenize tokenized passthrough bypass
";

/// The key that holds a name, in pairs of a name and a value.
pub(super) const NAME_KEYS: &str = "
    name key k field variable variable_name variablename var property attribute setting parameter
    parametername param header label id n parameterkey envvar column item option title slug configkey
    config
";

/// The key that holds a value, in pairs of a name and a value.
pub(super) const VALUE_KEYS: &str = "
    value val v data plaintext content contents string default raw secret text current
";
