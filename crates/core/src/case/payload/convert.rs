//! How a payload becomes a domain value and back: one trait, and a macro that writes both directions for a
//! type whose fields have the same names.

use crate::case::event::CaseId;
use crate::case::outcome::Code;
use crate::ids::{
    FactName, HostName, ParamName, PlaybookName, ProbeName, Role, ScheduleName, SymptomName, SystemName,
    SystemTypeName,
};
use crate::playbook::LibraryHash;
use crate::reading::{Cue, Language, Topic};
use crate::text::redact::Redacted;
use crate::ticket::{Repo, TicketId};
use chrono::{DateTime, Utc};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The stored form of a domain type.
pub(crate) trait Payload: Sized {
    /// The domain type.
    type Domain;

    /// Makes the stored form.
    fn encode(domain: &Self::Domain) -> Self;

    /// Makes the domain value.
    fn decode(self) -> Self::Domain;
}

/// Single values that are stored as they are. Closed lists are stored as their words. The names check themselves when they are read.
macro_rules! stored_as_is {
    ($($name:ty)*) => {$(
        impl Payload for $name {
            type Domain = Self;

            fn encode(domain: &Self) -> Self {
                domain.clone()
            }

            fn decode(self) -> Self {
                self
            }
        }
    )*};
}

stored_as_is! {
    bool i32 u32 u64 usize f32 String Value Duration DateTime<Utc>
    Code Cue Language SymptomName Topic
    CaseId FactName HostName LibraryHash ParamName PlaybookName ProbeName Redacted Repo Role ScheduleName SystemName
    SystemTypeName TicketId
}

impl<P: Payload> Payload for Option<P> {
    type Domain = Option<P::Domain>;

    fn encode(domain: &Self::Domain) -> Self {
        domain.as_ref().map(P::encode)
    }

    fn decode(self) -> Self::Domain {
        self.map(P::decode)
    }
}

impl<P: Payload> Payload for Vec<P> {
    type Domain = Vec<P::Domain>;

    fn encode(domain: &Self::Domain) -> Self {
        domain.iter().map(P::encode).collect()
    }

    fn decode(self) -> Self::Domain {
        self.into_iter().map(P::decode).collect()
    }
}

impl<P: Payload<Domain: Ord> + Ord> Payload for BTreeSet<P> {
    type Domain = BTreeSet<P::Domain>;

    fn encode(domain: &Self::Domain) -> Self {
        domain.iter().map(P::encode).collect()
    }

    fn decode(self) -> Self::Domain {
        self.into_iter().map(P::decode).collect()
    }
}

impl<K: Payload<Domain: Ord> + Ord, V: Payload> Payload for BTreeMap<K, V> {
    type Domain = BTreeMap<K::Domain, V::Domain>;

    fn encode(domain: &Self::Domain) -> Self {
        domain.iter().map(|(key, value)| (K::encode(key), V::encode(value))).collect()
    }

    fn decode(self) -> Self::Domain {
        self.into_iter().map(|(key, value)| (key.decode(), value.decode())).collect()
    }
}

/// A payload type and its conversions. The fields have the names of the domain's fields: who renames a
/// field of the domain renames it here and keeps the stored name with `#[serde(rename = "…")]`.
macro_rules! payload {
    ($($(#[$meta:meta])* struct $name:ident for $domain:ty {
        $($(#[$field_meta:meta])* $field:ident: $type:ty,)*
    })*) => {$(
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        $(#[$meta])*
        pub(crate) struct $name {
            $($(#[$field_meta])* $field: $type,)*
        }

        impl $crate::case::payload::convert::Payload for $name {
            type Domain = $domain;

            fn encode(domain: &$domain) -> Self {
                Self { $($field: <$type as $crate::case::payload::convert::Payload>::encode(&domain.$field),)* }
            }

            fn decode(self) -> $domain {
                type Domain = $domain;
                Domain { $($field: <$type as $crate::case::payload::convert::Payload>::decode(self.$field),)* }
            }
        }
    )*};
}

/// The same for an enum. A tuple variant names its values here, for the conversion alone.
macro_rules! payload_enum {
    ($($(#[$meta:meta])* enum $name:ident for $domain:ty {
        $($(#[$variant_meta:meta])* $variant:ident
            $(($($value:ident: $value_type:ty),*))?
            $({$($(#[$field_meta:meta])* $field:ident: $field_type:ty),* $(,)?})?,
        )*
    })*) => {$(
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "snake_case")]
        $(#[$meta])*
        pub(crate) enum $name {
            $(
                $(#[$variant_meta])*
                $variant $(($($value_type),*))? $({$($(#[$field_meta])* $field: $field_type),*})?,
            )*
        }

        impl $crate::case::payload::convert::Payload for $name {
            type Domain = $domain;

            fn encode(domain: &$domain) -> Self {
                type Domain = $domain;
                match domain {
                    $(Domain::$variant $(($($value),*))? $({$($field),*})? => {
                        Self::$variant
                            $(($(<$value_type as $crate::case::payload::convert::Payload>::encode($value)),*))?
                            $({$($field: <$field_type as $crate::case::payload::convert::Payload>::encode($field)),*})?
                    })*
                }
            }

            fn decode(self) -> $domain {
                type Domain = $domain;
                match self {
                    $(Self::$variant $(($($value),*))? $({$($field),*})? => {
                        Domain::$variant $(($(<$value_type as $crate::case::payload::convert::Payload>::decode($value)),*))? $({$($field: <$field_type as $crate::case::payload::convert::Payload>::decode($field)),*})?
                    })*
                }
            }
        }
    )*};
}

pub(crate) use payload;
pub(crate) use payload_enum;
