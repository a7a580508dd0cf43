//! The one place where a usage row ends.

macro_rules! buckets {
    ($($variant:ident $name:literal $meaning:literal;)*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Bucket { $(#[doc = $meaning] $variant,)* }

        impl Bucket {
            /// In the order of the columns of `controls.csv`.
            pub const ALL: &'static [Bucket] = &[$(Bucket::$variant,)*];

            pub const fn name(self) -> &'static str {
                match self { $(Bucket::$variant => $name,)* }
            }

            pub const fn meaning(self) -> &'static str {
                match self { $(Bucket::$variant => $meaning,)* }
            }
        }
    };
}

buckets! {
    Billed "billed" "Feeds a line item that bills units.";
    Covered "covered" "All it feeds is inside an included quantity, a bundle or an earlier bill.";
    Unbilled "unbilled" "A discrepancy carries it.";
    Duplicate "duplicate" "Another copy of the row is kept.";
    Internal "internal" "The MSP's own use, by a mapping.";
    Excluded "excluded" "Left out by a mapping or a format rule.";
    Unmapped "unmapped" "Its account or SKU is joined to nothing.";
    Rejected "rejected" "It could not be read, or contradicts another row.";
    OutOfPeriod "out_of_period" "It belongs to another period.";
}
