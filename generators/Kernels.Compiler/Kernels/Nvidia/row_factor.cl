//: # Where row_of_item with 'sum' and 'maximum' goes, and what its output is multiplied with.
// A row that saw no key has the sum 0: output 0, LSE -inf.
const int is_final = item.partial_row < 0;
//: if sinks
const float sink = is_final ? exp2(${sink_power(sinks[kv_head * GROUP + (item.first_row + row_of_item) % GROUP], maximum)}) : 0.0f;
const float inverse = sum == 0.0f ? 0.0f : ${output_factor} / (sum + sink);
//: else
const float inverse = sum == 0.0f ? 0.0f : ${output_factor} / sum;
//: end
const long to = is_final ? packed_row(item, kv_head, row_of_item) : (long)(item.partial_row + row_of_item) * KV_HEADS + kv_head;
