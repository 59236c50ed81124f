//: # The factor of a final output, from the 'sum' and the 'maximum' of its row; 'to' is the row's number among all rows.
//: if sinks
const float factor = sum == 0.0f ? 0.0f : ${output_factor} / (sum + exp2(${sink_power(sinks[to % QUERY_HEADS], maximum)}));
//: else
const float factor = sum == 0.0f ? 0.0f : ${output_factor} / sum;
//: end
