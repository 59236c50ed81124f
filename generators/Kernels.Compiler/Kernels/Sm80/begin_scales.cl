//: # What is the same for all rows at their start.
//: if scales_heads
const float score_scale = ${query_factor};
//: end
