use super::*;
use crate::book::{ProductMapping, WholeUnits};

fn product(line: u64, code: &str, name: &str) -> Product {
    Product {
        code: ProductCode::new(code),
        name: name.to_string(),
        unit: String::new(),
        unit_price: None,
        unit_cost: None,
        whole_units: WholeUnits::No,
        taxable: String::new(),
        tax_code: String::new(),
        account_code: String::new(),
        active: true,
        external_ids: Vec::new(),
        place: Place::line("psa/products.csv", line),
    }
}

fn psa() -> Psa {
    let mut products = vec![product(2, "BP-M", "Business Premium"), product(3, "BP-A", "Business Premium (annual)")];
    products[1].external_ids = vec!["CFQ:0002".into()];
    Psa { products, ..Psa::default() }
}

fn mapping(line: u64, sku_id: &str, term: &str, code: &str) -> ProductMapping {
    ProductMapping {
        provider_name: "Microsoft".into(),
        sku_id: sku_id.into(),
        charge_description: String::new(),
        term: term.into(),
        metric: String::new(),
        product_code: ProductCode::new(code),
        multiplier: Decimal::ONE,
        rule: None,
        status: MapStatus::Mapped,
        valid_from: None,
        valid_to: None,
        note: String::new(),
        place: Place::line("map/products.csv", line),
    }
}

fn sku(id: &str, description: &str, term: &str, metric: &str) -> SkuKey {
    SkuKey {
        provider_name: "Microsoft".into(),
        sku_id: id.into(),
        charge_description: description.into(),
        term: term.into(),
        metric: metric.into(),
    }
}

fn day() -> NaiveDate {
    "2026-10-01".parse().expect("a day")
}

fn resolve(mappings: Vec<ProductMapping>, sku: &SkuKey) -> (Option<String>, How) {
    let (psa, mappings) = (psa(), Mappings { products: mappings, ..Mappings::default() });
    let resolution = ProductResolver::new(&psa, &mappings).resolve(sku, day());
    (resolution.product().map(ToString::to_string), resolution.how)
}

#[test]
fn one_sku_under_two_terms_is_two_products() {
    let rows = || vec![mapping(2, "CFQ:0002", "P1M", "BP-M"), mapping(3, "cfq:0002", "P1Y", "BP-A")];
    assert_eq!(resolve(rows(), &sku("CFQ:0002", "", "P1M", "")).0.as_deref(), Some("BP-M"));
    assert_eq!(resolve(rows(), &sku("CFQ:0002", "", "p1y", "")).0.as_deref(), Some("BP-A"));
    let general = vec![mapping(2, "CFQ:0002", "", "BP-M"), mapping(3, "CFQ:0002", "P1Y", "BP-A")];
    assert_eq!(resolve(general, &sku("CFQ:0002", "", "P3Y", "")).0.as_deref(), Some("BP-M"));
}

#[test]
fn without_a_row_an_id_joins_and_then_a_name() {
    assert_eq!(
        resolve(vec![], &sku("cfq:0002", "Business Premium", "", "")),
        (Some("BP-A".into()), How::Id("cfq:0002".into()))
    );
    assert_eq!(resolve(vec![], &sku("bp-m", "", "", "")).0.as_deref(), Some("BP-M"));
    let by_name = resolve(vec![], &sku("other", "BUSINESS  PREMIUM", "", ""));
    assert_eq!(by_name, (Some("BP-M".into()), How::Name("Business Premium".into())));
    assert_eq!(resolve(vec![], &sku("other", "Business Premium Ltd", "", "")), (None, How::Nothing));
}

#[test]
fn a_row_scales_and_names_its_rule() {
    let mut row = mapping(2, "gb", "", "BP-M");
    row.multiplier = Decimal::new(1, 3);
    row.rule = Some(MeterRule::Max);
    let (psa, mappings) = (psa(), Mappings { products: vec![row], ..Mappings::default() });
    let resolution = ProductResolver::new(&psa, &mappings).resolve(&sku("GB", "", "", ""), day());
    let target = resolution.target().expect("a product");
    assert_eq!((target.multiplier, target.rule), (Decimal::new(1, 3), Some(MeterRule::Max)));
}

#[test]
fn rows_that_differ_in_the_multiplier_disagree() {
    let mut second = mapping(3, "gb", "", "BP-M");
    second.multiplier = Decimal::TWO;
    let (psa, mappings) =
        (psa(), Mappings { products: vec![mapping(2, "gb", "", "BP-M"), second], ..Mappings::default() });
    let mut resolver = ProductResolver::new(&psa, &mappings);
    assert_eq!(resolver.resolve(&sku("gb", "", "", ""), day()).product(), None);
    assert_eq!(resolver.findings().iter().map(|f| f.code).collect::<Vec<_>>(), [Code::M308]);
}

#[test]
fn missing_inactive_ambiguous_and_shared_are_said() {
    let mut psa = psa();
    psa.products[0].active = false;
    psa.products.push(product(4, "X1", "Backup"));
    psa.products.push(product(5, "X2", "backup"));
    psa.products.push(product(6, "X3", "Mail"));
    let mappings = Mappings {
        products: vec![mapping(2, "a", "", "NONE"), mapping(3, "b", "", "BP-M"), mapping(4, "unused", "", "BP-M")],
        ..Mappings::default()
    };
    let mut resolver = ProductResolver::new(&psa, &mappings);
    let skus = [
        sku("a", "", "", ""),
        sku("b", "", "", ""),
        sku("c", "Backup", "", ""),
        sku("d", "Mail", "", ""),
        sku("e", "mail", "", ""),
    ];
    for known in &skus {
        resolver.observe(known);
    }
    let joined: Vec<bool> = skus.iter().map(|s| resolver.resolve(s, day()).product().is_some()).collect();
    assert_eq!(joined, [false, true, false, false, false]);
    let mut codes: Vec<_> = resolver.findings().iter().map(|f| f.code).collect();
    codes.dedup();
    assert_eq!(codes, [Code::M303, Code::M304, Code::M305, Code::M307]);
}

#[test]
fn a_total_and_its_parts_on_one_product_are_said() {
    let account = AccountKey { sub_account_id: "t1".into(), sub_account_name: "Acme".into(), ..AccountKey::default() };
    let other = AccountKey { sub_account_id: "t2".into(), ..AccountKey::default() };
    let skus = [sku("s", "", "", "total"), sku("s", "", "", "assigned"), sku("s", "", "", "")];
    let to = |code: &str| ProductResolution {
        outcome: Resolution::Mapped(ProductTarget {
            product: ProductCode::new(code),
            multiplier: Decimal::ONE,
            rule: None,
        }),
        how: How::Mapping(Place::line("map/products.csv", 2)),
    };
    let (a, b) = (to("P1"), to("P2"));
    let said = total_and_part([(&account, &skus[0], &a), (&account, &skus[1], &a), (&account, &skus[2], &b)]);
    assert_eq!(
        said.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["map/products.csv:2: warning[M306 total-and-part-mapped]: Microsoft counts this SKU of account \"Acme\" as \
          total and as assigned, and all are joined to product P1: total is what is metered: \"s\""]
    );
    assert!(total_and_part([(&account, &skus[0], &a), (&other, &skus[1], &a)]).is_empty());
    // What was assigned was purchased; what was charged is settled against it elsewhere.
    let said = total_and_part([(&account, &skus[1], &a), (&account, &skus[2], &a)]);
    assert!(said[0].message.contains("as purchased and as assigned"), "{said:?}");
    let charged = sku("s", "", "", "billed");
    assert!(total_and_part([(&account, &charged, &a), (&account, &skus[2], &a)]).is_empty());
    assert!(total_and_part([(&account, &charged, &a), (&account, &skus[0], &a)]).is_empty());
}
