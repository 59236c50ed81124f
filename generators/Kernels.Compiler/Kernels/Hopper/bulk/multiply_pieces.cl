//: # A piece of each of two keys, k0 and k8, times the queries; the four work-items of these keys have the pieces from d on. Added to the
//: # scores of block j. Holes: k0, k8, d.
//: if !quantised
multiply_rows(score[j], (uint4)(${k0}.s0, ${k8}.s0, ${k0}.s1, ${k8}.s1), query[(${d}) / 2], item.row_count);
multiply_rows(score[j], (uint4)(${k0}.s2, ${k8}.s2, ${k0}.s3, ${k8}.s3), query[(${d}) / 2 + 1], item.row_count);
//: else
//: for i in 0..4
//: if int4
multiply_registers(score[j], ${k0}.s${i}, ${k8}.s${i}, &query[2 * (${d} + ${i})], item.row_count);
//: else
multiply_registers(score[j], ${k0}.s${i}, ${k8}.s${i}, &query[${d} + ${i}], item.row_count);
//: end
//: end
//: end
