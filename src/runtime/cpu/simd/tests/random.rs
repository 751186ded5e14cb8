//! Random words to numbers.

use super::*;

fn from_bits(level: Level, operation: TileOp, words: &[u32]) -> Vec<f32> {
    unary(kernel(level, operation, Class::F32, [false; 3]).unwrap(), words)
}

/// Words at equal distances through the whole range.
fn grid(count: u32) -> Vec<u32> {
    let step = (1u64 << 32) / count as u64;
    (0..count as u64).map(|i| (i * step + step / 2) as u32).collect()
}

#[test]
fn uniform_is_a_multiple_of_2_to_minus_24() {
    for level in Level::available() {
        let got = from_bits(level, TileOp::UniformFromBits, &[0, 255, 256, 1 << 31, u32::MAX]);
        assert_eq!(got, [0.0, 0.0, 1.0 / 16777216.0, 0.5, 16777215.0 / 16777216.0]);
    }
}

#[test]
fn numbers_have_the_same_bits_at_every_level() {
    let mut all = grid(1 << 18);
    all.extend((0..4096).flat_map(|k| [k, k | 1 << 31, !k, !k ^ (1 << 31)]));
    for operation in [TileOp::NormalFromBits, TileOp::UniformFromBits] {
        let portable = bits(&from_bits(Level::Portable, operation, &all));
        for level in Level::available() {
            assert!(bits(&from_bits(level, operation, &all)) == portable, "{operation:?} at {}", level.name());
        }
    }
}

/// Bits written down once: they must never change, on any device.
#[test]
fn normal_numbers_are_fixed() {
    let got =
        from_bits(Level::detect(), TileOp::NormalFromBits, &[0, 1, 1 << 20, 1 << 30, i32::MAX as u32, 1 << 31, 0xc000_0000, u32::MAX]);
    let written: Vec<u32> = got.iter().map(|x| x.to_bits()).collect();
    assert_eq!(written, NORMAL, "{written:#x?}");
}
const NORMAL: [u32; 8] = [0x40cad091, 0x40c5535f, 0x405f2cb4, 0x3f2cab5c, 0x2fa06c98, 0xc0cad091, 0xbf2cab5c, 0xafa06c98];

#[test]
fn normal_inverts_the_distribution() {
    // From the tail of 2^-33 to the centre.
    let mut words: Vec<u32> = (0..31).flat_map(|bit| [1 << bit, (1 << bit) - 1, 3 << bit >> 1]).collect();
    words.extend(grid(100_000).iter().map(|word| word >> 1));
    let got = from_bits(Level::detect(), TileOp::NormalFromBits, &words);
    let mut worst: f64 = 0.0;
    for (word, z) in words.iter().zip(got) {
        assert!(z > 0.0, "{word:#x}: {z}");
        let p = (*word as f64 + 0.5) / 4294967296.0;
        let (z, tail) = (z as f64, libm::erfc(z as f64 / std::f64::consts::SQRT_2) / 2.0);
        // One step of Newton's method from z measures its error.
        let density = (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
        let error = ((tail - p) / density / z).abs();
        worst = worst.max(error);
        assert!(error < 1.5e-6, "{word:#x}: {z}, relative error {error:e}");
    }
    println!("normal: worst relative error {worst:.2e}");
    let extreme = from_bits(Level::detect(), TileOp::NormalFromBits, &[0, 1 << 31]);
    assert!((extreme[0] - 6.3379).abs() < 1e-3 && extreme[1] == -extreme[0], "{extreme:?}");
}

#[test]
fn normal_has_the_moments_of_its_distribution() {
    let count = 1 << 20;
    let got = from_bits(Level::detect(), TileOp::NormalFromBits, &grid(count));
    let moment = |power: i32| got.iter().map(|z| (*z as f64).powi(power)).sum::<f64>() / got.len() as f64;
    let beyond = |bound: f32| got.iter().filter(|z| z.abs() > bound).count() as f64 / got.len() as f64;
    println!("moments 1 to 6: {:?}", [1, 2, 3, 4, 6].map(moment));
    assert!(moment(1).abs() < 1e-5 && moment(3).abs() < 1e-4);
    assert!((moment(2) - 1.0).abs() < 1e-4, "{}", moment(2));
    assert!((moment(4) - 3.0).abs() < 2e-3, "{}", moment(4));
    assert!((moment(6) - 15.0).abs() < 5e-2, "{}", moment(6));
    for (bound, expected) in [(1.0, 0.317310508), (2.0, 0.045500264), (3.0, 0.002699796), (4.0, 6.33425e-5)] {
        assert!((beyond(bound) - expected).abs() < 2e-6 + expected * 1e-4, "{bound}: {}", beyond(bound));
    }
}
