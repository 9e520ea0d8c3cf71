//! Which file imports which, read from the syntax of the sources.
//!
//! Counted are `use` declarations and every path in the code, also inside macros and attributes. A `mod x;`
//! declares a module and imports nothing. Test code is left out. A path that goes through a re-export
//! counts as an import of the file that re-exports.

use proc_macro2::{TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet};
use syn::visit::Visit;
use syn::{Attribute, Item, ItemMod, ItemUse, Macro, Meta, UseTree};

/// One source file.
#[derive(Debug, Clone)]
pub struct Source {
    /// The path from the root of the project.
    pub file: String,
    /// The crate and the modules below it: `["fieldmedic_core", "case", "event"]`.
    pub module: Vec<String>,
    pub text: String,
}

/// What one file imports.
#[derive(Debug, Default)]
pub struct Imports {
    /// Files of the workspace.
    pub files: BTreeSet<String>,
    /// Crates that are not of the workspace, `std` left out.
    pub vendors: BTreeSet<String>,
    /// Every path as it was resolved, such as `fieldmedic_ports::Lease::granted`.
    pub paths: BTreeSet<String>,
}

/// The imports of each file, by its path.
pub type Graph = BTreeMap<String, Imports>;

/// Reads the imports of all sources of the workspace.
///
/// # Panics
/// If a source is not Rust.
pub fn read(sources: &[Source]) -> Graph {
    let parsed: Vec<(&Source, Paths)> = sources.iter().map(|source| (source, Paths::of(source))).collect();
    let files: BTreeMap<&[String], &str> =
        sources.iter().map(|source| (&source.module[..], source.file.as_str())).collect();
    // Names that the root of a crate gives to other crates, such as `pub use fieldmedic_core as core`.
    let mut roots: BTreeMap<(&str, &str), &[String]> = BTreeMap::new();
    for (source, paths) in parsed.iter().filter(|(source, _)| source.module.len() == 1) {
        for (name, path) in &paths.aliases {
            roots.insert((source.module[0].as_str(), name.as_str()), path.as_slice());
        }
    }
    let crates: BTreeSet<&str> = sources.iter().map(|source| source.module[0].as_str()).collect();
    let mut graph = Graph::new();
    for (source, paths) in &parsed {
        let mut imports = Imports::default();
        for (module, path) in &paths.found {
            let Some(mut full) = absolute(path, module, &paths.aliases, &files) else { continue };
            if let [root, name, ..] = &full[..]
                && let Some(alias) = roots.get(&(root.as_str(), name.as_str()))
                && crates.contains(alias[0].as_str())
            {
                full = alias.iter().chain(&full[2..]).cloned().collect();
            }
            imports.paths.insert(full.join("::"));
            if crates.contains(full[0].as_str()) {
                let file = (1..=full.len()).rev().find_map(|length| files.get(&full[..length]));
                if let Some(file) = file.filter(|file| **file != source.file) {
                    imports.files.insert((*file).to_owned());
                }
            } else {
                imports.vendors.insert(full[0].clone());
            }
        }
        graph.insert(source.file.clone(), imports);
    }
    graph
}

/// A path from the root of its crate; `None` for what is no module or crate.
fn absolute(
    path: &[String],
    module: &[String],
    aliases: &BTreeMap<String, Vec<String>>,
    files: &BTreeMap<&[String], &str>,
) -> Option<Vec<String>> {
    let (first, rest) = path.split_first()?;
    let below = |base: &[String]| Some(base.iter().chain(rest).cloned().collect::<Vec<_>>());
    match first.as_str() {
        "crate" => below(&module[..1]),
        "self" => below(module),
        "super" => {
            let parent = &module[..module.len().saturating_sub(1).max(1)];
            if rest.first().is_some_and(|next| next == "super") {
                absolute(rest, parent, aliases, files)
            } else {
                below(parent)
            }
        }
        "std" | "core" | "alloc" | "Self" => None,
        "::" => (rest.first().is_some_and(|name| name != "std")).then(|| rest.to_vec()),
        _ => {
            let child: Vec<String> = module.iter().chain([first]).cloned().collect();
            if files.contains_key(&child[..]) {
                return below(&child);
            }
            if let Some(alias) = aliases.get(first)
                && alias.first() != Some(first)
            {
                let full: Vec<String> = alias.iter().chain(rest).cloned().collect();
                return absolute(&full, module, aliases, files);
            }
            // A type of the prelude, a primitive type, a type parameter or a variable is no crate.
            let is_crate =
                first.starts_with(|c: char| c.is_ascii_lowercase()) && !PRIMITIVES.contains(&first.as_str());
            is_crate.then(|| path.to_vec())
        }
    }
}

const PRIMITIVES: [&str; 17] = [
    "bool", "char", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "str", "u8", "u16", "u32",
    "u64", "u128", "usize",
];

/// Every path of a file, with the module that it stands in.
struct Paths {
    module: Vec<String>,
    found: Vec<(Vec<String>, Vec<String>)>,
    aliases: BTreeMap<String, Vec<String>>,
}

impl Paths {
    fn of(source: &Source) -> Self {
        let file = syn::parse_file(&source.text).unwrap_or_else(|error| panic!("{}: {error}", source.file));
        let mut paths = Self { module: source.module.clone(), found: Vec::new(), aliases: BTreeMap::new() };
        paths.visit_file(&file);
        paths
    }

    fn keep(&mut self, path: Vec<String>) {
        self.found.push((self.module.clone(), path));
    }

    fn keep_use(&mut self, tree: &UseTree, before: &[String]) {
        let with = |name: &syn::Ident| before.iter().cloned().chain([name.to_string()]).collect::<Vec<_>>();
        match tree {
            UseTree::Path(path) => self.keep_use(&path.tree, &with(&path.ident)),
            UseTree::Name(name) if name.ident == "self" => {
                if let Some(last) = before.last() {
                    self.aliases.insert(last.clone(), before.to_vec());
                }
                self.keep(before.to_vec());
            }
            UseTree::Name(name) => {
                self.aliases.insert(name.ident.to_string(), with(&name.ident));
                self.keep(with(&name.ident));
            }
            UseTree::Rename(rename) => {
                self.aliases.insert(rename.rename.to_string(), with(&rename.ident));
                self.keep(with(&rename.ident));
            }
            UseTree::Glob(_) => self.keep(before.to_vec()),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.keep_use(tree, before)),
        }
    }

    /// Paths in what a macro or an attribute is given.
    fn keep_tokens(&mut self, tokens: &TokenStream) {
        let trees: Vec<TokenTree> = tokens.clone().into_iter().collect();
        let is_colon = |at: usize| matches!(trees.get(at), Some(TokenTree::Punct(p)) if p.as_char() == ':');
        let mut at = 0;
        while at < trees.len() {
            match &trees[at] {
                TokenTree::Group(group) => self.keep_tokens(&group.stream()),
                TokenTree::Ident(ident) => {
                    let mut path = vec![ident.to_string()];
                    while is_colon(at + 1)
                        && is_colon(at + 2)
                        && let Some(TokenTree::Ident(next)) = trees.get(at + 3)
                    {
                        path.push(next.to_string());
                        at += 3;
                    }
                    if path.len() > 1 {
                        self.keep(path);
                    }
                }
                // `#[serde(with = "crate::…")]`
                TokenTree::Literal(literal) => {
                    let text = literal.to_string();
                    if let Some(path) = text.trim_matches('"').strip_prefix("crate::") {
                        self.keep(["crate"].into_iter().chain(path.split("::")).map(str::to_owned).collect());
                    }
                }
                TokenTree::Punct(_) => {}
            }
            at += 1;
        }
    }
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_test(attributes(item)) {
            syn::visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        self.module.push(module.ident.to_string());
        syn::visit::visit_item_mod(self, module);
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let before = item.leading_colon.as_ref().map(|_| "::".to_owned());
        self.keep_use(&item.tree, before.as_slice());
    }

    /// `pub(in crate::store)` names a place, and imports nothing.
    fn visit_vis_restricted(&mut self, _: &'ast syn::VisRestricted) {}

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.segments.len() > 1 {
            let before = path.leading_colon.as_ref().map(|_| "::".to_owned());
            let segments = path.segments.iter().map(|segment| segment.ident.to_string());
            self.keep(before.into_iter().chain(segments).collect());
        }
        syn::visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, mac: &'ast Macro) {
        self.keep_tokens(&mac.tokens);
        syn::visit::visit_macro(self, mac);
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        match &attribute.meta {
            Meta::List(list) if !list.path.is_ident("doc") => self.keep_tokens(&list.tokens),
            _ => {}
        }
    }
}

/// Whether an item is compiled for tests only.
pub fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        matches!(&attribute.meta, Meta::List(list)
            if list.path.is_ident("cfg") && list.tokens.to_string() == "test")
    })
}

/// The attributes of an item that can carry `#[cfg(test)]`.
pub fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}
