//! What is known of the metered side: which vendors' exports were supplied, and where that side is known
//! to be incomplete. Missing is not zero, so a shortfall on an incomplete side concludes nothing.

use std::collections::{BTreeMap, BTreeSet};

use crate::book::{ClientId, ProductCode, id_key};
use crate::finding::Place;

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
    refused: BTreeMap<String, String>,
    /// A file that could belong to any vendor was refused.
    refused_any: Option<String>,
    /// Product → why its usage is not all attributed.
    unattributed: BTreeMap<String, String>,
    rejected: BTreeMap<(String, String), RejectedUse>,
}

impl Supply {
    /// A product is mapped from a vendor.
    pub fn expect(&mut self, product: &ProductCode, vendor: &str) {
        let key = id_key(vendor);
        let name = self.names.entry(key.clone()).or_insert_with(|| vendor.trim().to_string());
        self.vendors.entry(product.key()).or_default().entry(key).or_insert_with(|| name.clone());
    }

    /// An export of the vendor with rows for the period was read.
    pub fn supply(&mut self, vendor: &str) {
        self.supplied.insert(id_key(vendor));
    }

    /// An export was refused; `vendor` is `None` where it could be anyone's.
    pub fn refuse(&mut self, vendor: Option<&str>, reason: &str) {
        match vendor {
            Some(vendor) => {
                self.refused.entry(id_key(vendor)).or_insert_with(|| reason.to_string());
            }
            None => {
                self.refused_any.get_or_insert_with(|| reason.to_string());
            }
        }
    }

    /// An unmapped account holds units of the product.
    pub fn unattribute(&mut self, product: &ProductCode, reason: &str) {
        self.unattributed.entry(product.key()).or_insert_with(|| reason.to_string());
    }

    pub fn reject(&mut self, rejected: RejectedUse) {
        let key = (rejected.client_id.key(), rejected.product_code.key());
        let known = self.rejected.entry(key).or_insert_with(|| RejectedUse { rows: 0, ..rejected.clone() });
        known.rows += rejected.rows;
        known.first = known.first.clone().min(rejected.first);
    }

    /// The vendors a product is mapped from, sorted, as written.
    pub fn vendors_of(&self, product: &ProductCode) -> Vec<String> {
        self.vendors.get(&product.key()).map(|v| v.values().cloned().collect()).unwrap_or_default()
    }

    pub fn all_vendors(&self) -> BTreeMap<String, String> {
        self.vendors.values().flatten().map(|(k, v)| (k.clone(), v.clone())).collect()
    }

    pub fn is_mapped(&self, product: &ProductCode) -> bool {
        self.vendors.contains_key(&product.key())
    }

    pub fn rejected(&self, client: &ClientId, product: &ProductCode) -> Option<&RejectedUse> {
        self.rejected.get(&(client.key(), product.key()))
    }

    /// Why nothing at all was supplied for a mapped product, if so.
    pub fn nothing_supplied(&self, product: &ProductCode) -> Option<String> {
        let vendors = self.vendors.get(&product.key())?;
        if vendors.keys().any(|v| self.supplied.contains(v)) {
            return None;
        }
        let names: Vec<&str> = vendors.values().map(String::as_str).collect();
        Some(format!("no export of {} for this period was read", names.join(" or ")))
    }

    /// Why the usage of a product may be more than was metered, if so.
    pub fn incomplete(&self, product: &ProductCode) -> Option<String> {
        let vendors = self.vendors.get(&product.key());
        for (key, name) in vendors.into_iter().flatten() {
            if let Some(reason) = self.refused.get(key) {
                return Some(format!("an export of {name} was refused ({reason})"));
            }
            if !self.supplied.contains(key) {
                return Some(format!("no export of {name} for this period was read"));
            }
        }
        if let Some(reason) = self.refused_any.as_ref().filter(|_| vendors.is_some()) {
            return Some(format!("an export was refused ({reason})"));
        }
        self.unattributed.get(&product.key()).cloned()
    }

    /// Why a vendor's side is missing or incomplete, if so.
    pub fn vendor_gap(&self, vendor_key: &str) -> Option<String> {
        if let Some(reason) = self.refused.get(vendor_key) {
            return Some(format!("an export was refused ({reason})"));
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
        assert_eq!(supply.vendors_of(&ProductCode::new("P2")), ["Huntress"]);
        assert_eq!(supply.all_vendors().into_values().collect::<Vec<_>>(), ["Huntress"]);
    }
}
