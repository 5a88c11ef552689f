//! One list of a link's writable fields, from which the fields and their patch are made.

/// Declares a struct of writable fields and, beside it, a patch with the same fields, each of which may be absent.
/// A nullable field is an `Option`, so that in the patch "absent", "null" and "a value" are three different things.
macro_rules! patchable {
    (
        $(#[$doc:meta])* pub struct $fields:ident, patch $patch:ident {
            $($(#[$field_doc:meta])* $name:ident: $type:ty,)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(default)]
        pub struct $fields { $($(#[$field_doc])* pub $name: $type,)* }

        /// A change: every field that is `None` stays as it is.
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $patch { $($(#[$field_doc])* pub $name: Option<$type>,)* }

        impl $patch {
            /// Writes the fields that are present over `fields`.
            pub fn apply(self, fields: &mut $fields) {
                $(if let Some(value) = self.$name { fields.$name = value; })*
            }
        }
    };
}

pub(crate) use patchable;
