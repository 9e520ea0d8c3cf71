//! Enumerations of which each variant has one word: in files, in records and for people.

/// Defines an enumeration whose variants are known by words, in serde too.
macro_rules! worded_enum {
    (
        $(#[$outer:meta])*
        pub enum $type:ident { $($(#[$doc:meta])* $name:ident = $word:literal,)* }
    ) => {
        $(#[$outer])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        pub enum $type {
            $($(#[$doc])* #[serde(rename = $word)] $name,)*
        }

        impl $type {
            /// All of them.
            pub const ALL: &[$type] = &[$($type::$name,)*];

            /// Its word.
            pub fn as_str(self) -> &'static str {
                match self {
                    $($type::$name => $word,)*
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

pub(crate) use worded_enum;
