//: # Where a row goes that has 'sum' ('is_final', 'to'), and the factor of its output ('inverse'). Holes: row; maximum, of its scores. A
//: # sink counts once: here in a final row, in the merge where keys were split.
// A row that saw no key has the sum 0: output 0, LSE -inf.
const int is_final = work.partial_row < 0;
//: if sinks
const float sink = is_final ? exp2(${sink_power(sinks[kv_head * GROUP + (work.first_row + ${row}) % GROUP], ${maximum})}) : 0.0f;
const float inverse = sum == 0.0f ? 0.0f : ${output_factor} / (sum + sink);
//: else
const float inverse = sum == 0.0f ? 0.0f : ${output_factor} / sum;
//: end
const long to = is_final ? packed_row(work, kv_head, ${row}) : (long)(work.partial_row + ${row}) * KV_HEADS + kv_head;
