//: # A penalty that grows with the distance, at a slope of each head's own.
score -= row.slope * fabs(convert_lanes_float(row.query - key));
