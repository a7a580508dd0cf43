//! What is known of the metered side: which vendors' exports were supplied, and where that side is known
//! to be incomplete. Missing is not zero, so a shortfall on an incomplete side concludes nothing.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use crate::book::{ClientId, ProductCode, id_key};
use crate::finding::Place;

/// A vendor in a sentence: exports need not name theirs.
#[must_use]
pub fn spoken(vendor: &str) -> &str {
    if vendor.is_empty() { "an unnamed vendor" } else { vendor }
}

/// Rows that could not be read but name a client and a product.
#[derive(Debug, Clone, PartialEq)]
pub struct RejectedUse {
    pub client_id: ClientId,
    pub product_code: ProductCode,
    pub rows: u64,
    pub first: Place,
}

/// The metered side's completeness. Vendors and products are keyed by `id_key`.
#[derive(Debug, Clone, Default)]
pub struct Supply {
    /// Product → the vendors it is mapped from, by name as written.
    vendors: BTreeMap<String, BTreeMap<String, String>>,
    /// One spelling for each vendor: the first that was expected.
    names: BTreeMap<String, String>,
    supplied: BTreeSet<String>,
    /// Vendor → why its exports were not read whole.
    partial: BTreeMap<String, String>,
    /// Why any vendor's exports may not have been read whole.
    partial_any: Option<String>,
    /// Product → why its usage is not all attributed.
    unattributed: BTreeMap<String, String>,
    /// By client, then by product.
    rejected: BTreeMap<String, BTreeMap<String, RejectedUse>>,
}

impl Supply {
    /// A product is mapped from a vendor.
    pub fn expect(&mut self, product: &ProductCode, vendor: &str) {
        let key = id_key(vendor);
        let name = self.names.entry(key.clone()).or_insert_with(|| vendor.trim().to_string());
        self.vendors.entry(product.key()).or_default().entry(key).or_insert_with(|| name.clone());
    }

    /// Whether any product is mapped from the vendor.
    pub fn expects(&self, vendor: &str) -> bool {
        self.names.contains_key(&id_key(vendor))
    }

    /// An export of the vendor with rows for the period was read.
    pub fn supply(&mut self, vendor: &str) {
        self.supplied.insert(id_key(vendor));
    }

    /// An export was refused, ends early or has rows that name no account; `vendor` is `None` where it
    /// could be anyone's. The reason is a clause that stands after "not compared, because".
    pub fn partial(&mut self, vendor: Option<&str>, reason: &str) {
        match vendor {
            Some(vendor) => {
                self.partial.entry(id_key(vendor)).or_insert_with(|| reason.to_string());
            }
            None => {
                self.partial_any.get_or_insert_with(|| reason.to_string());
            }
        }
    }

    /// Units of the product were read and are joined to no client or not to it. The reason is a clause, as above.
    pub fn unattribute(&mut self, product: &ProductCode, reason: &str) {
        self.unattributed.entry(product.key()).or_insert_with(|| reason.to_string());
    }

    pub fn reject(&mut self, rejected: RejectedUse) {
        let of_client = self.rejected.entry(rejected.client_id.key()).or_default();
        match of_client.entry(rejected.product_code.key()) {
            Entry::Vacant(entry) => {
                entry.insert(rejected);
            }
            Entry::Occupied(mut known) => {
                let known = known.get_mut();
                known.rows += rejected.rows;
                if rejected.first < known.first {
                    known.first = rejected.first;
                }
            }
        }
    }

    /// What is known of a product's usage holds for another that is metered by it.
    pub fn share(&mut self, from: &ProductCode, to: &ProductCode) {
        if let Some(vendors) = self.vendors.get(&from.key()).cloned() {
            self.vendors.entry(to.key()).or_default().extend(vendors);
        }
        if let Some(reason) = self.unattributed.get(&from.key()).cloned() {
            self.unattributed.entry(to.key()).or_insert(reason);
        }
    }

    /// Rows of a product that could not be read concern another, too.
    pub fn share_rejected(&mut self, from: &ProductCode, to: &ProductCode) {
        let from = from.key();
        let concerned: Vec<RejectedUse> =
            self.rejected.values().filter_map(|of_client| of_client.get(&from)).cloned().collect();
        for rejected in concerned {
            self.reject(RejectedUse { product_code: to.clone(), ..rejected });
        }
    }

    /// The vendors a product is mapped from, sorted, as written. Here and below clients and products are named by the
    /// keys of their ids: they are asked for again and again.
    pub fn vendors_of(&self, product: &str) -> Vec<String> {
        self.vendors.get(product).map(|v| v.values().cloned().collect()).unwrap_or_default()
    }

    pub fn all_vendors(&self) -> BTreeMap<String, String> {
        self.vendors.values().flatten().map(|(k, v)| (k.clone(), v.clone())).collect()
    }

    pub fn is_mapped(&self, product: &str) -> bool {
        self.vendors.contains_key(product)
    }

    pub fn rejected(&self, client: &str, product: &str) -> Option<&RejectedUse> {
        self.rejected.get(client)?.get(product)
    }

    /// Why nothing at all was supplied for a mapped product, if so.
    pub fn nothing_supplied(&self, product: &str) -> Option<String> {
        let vendors = self.vendors.get(product)?;
        if vendors.keys().any(|v| self.supplied.contains(v)) {
            return None;
        }
        if let Some(reason) = vendors.keys().find_map(|v| self.partial.get(v)) {
            return Some(reason.clone());
        }
        let names: Vec<&str> = vendors.values().map(|name| spoken(name)).collect();
        Some(format!("no export of {} for this period was read", names.join(" or ")))
    }

    /// Whether what the product lacks is a mapping, and not an export.
    pub fn lacks_mapping(&self, product: &str) -> bool {
        self.exports_gap(product).is_none() && self.unattributed.contains_key(product)
    }

    /// Why the usage of a product may be more than was metered, if so.
    pub fn incomplete(&self, product: &str) -> Option<String> {
        self.exports_gap(product).or_else(|| self.unattributed.get(product).cloned())
    }

    fn exports_gap(&self, product: &str) -> Option<String> {
        let vendors = self.vendors.get(product)?;
        for (key, name) in vendors {
            if let Some(reason) = self.partial.get(key) {
                return Some(reason.clone());
            }
            if !self.supplied.contains(key) {
                return Some(format!("no export of {} for this period was read", spoken(name)));
            }
        }
        self.partial_any.clone()
    }

    /// Whether all that a vendor's exports hold of the period is known.
    pub fn is_whole(&self, vendor_key: &str) -> bool {
        self.partial_any.is_none() && self.vendor_gap(vendor_key).is_none()
    }

    /// Why a vendor's side is missing or incomplete, if so.
    pub fn vendor_gap(&self, vendor_key: &str) -> Option<String> {
        if let Some(reason) = self.partial.get(vendor_key) {
            return Some(reason.clone());
        }
        if !self.supplied.contains(vendor_key) {
            return Some("no export for this period was read".to_string());
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vendor_written_two_ways_is_one_vendor() {
        let mut supply = Supply::default();
        supply.expect(&ProductCode::new("P1"), "Huntress");
        supply.expect(&ProductCode::new("P2"), " huntress ");
        assert_eq!(supply.vendors_of("p2"), ["Huntress"]);
        assert_eq!(supply.all_vendors().into_values().collect::<Vec<_>>(), ["Huntress"]);
    }
}
