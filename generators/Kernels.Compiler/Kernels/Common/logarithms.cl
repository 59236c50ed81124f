//: # The constants between base-2 logarithms and natural ones. base_2: scores come out times log2(e), for a softmax in base 2.
//: if base_2
#define LN_2 0.693147182f
//: end
//: if !base_2 or sinks
#define LOG2_E 1.44269502f
//: end
