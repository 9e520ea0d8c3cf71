pub enum Slash {
    Support,
    Other(String),
}
impl PartialEq for Slash {
    fn eq(&self, _: &Slash) -> bool {
        true
    }
}
pub fn command(_body: &str, _prefix: &str) -> Option<Slash> {
    None
}
