using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Kernels.Decoding;

/// <summary>
/// The JSON texts that a reply may be: any object, or the values of a JSON schema. Where a schema leaves a choice of writing, a reply has
/// less of it than JSON: properties come in the schema's order, an object with properties has others only where the schema says so, and
/// white space, digits of numbers and depth are bounded.
/// </summary>
/// <remarks>
/// Of JSON Schema: type (one or a list), properties, required, additionalProperties, items, minItems, maxItems, minLength, maxLength, enum,
/// const, anyOf, oneOf of alternatives that exclude each other, allOf of one schema, and $ref within the schema. Annotations, format among
/// them, are passed over; every other keyword is refused by name.
/// </remarks>
public sealed class JsonGrammar
{
    private const int MaxNodes = 10_000;
    private const int MaxCount = 4096;
    private const int MaxSchemaDepth = 64;

    private static readonly HashSet<string> Annotations = new(StringComparer.Ordinal)
    {
        "title", "description", "default", "examples", "$schema", "$id", "$comment", "deprecated", "readOnly", "writeOnly", "format",
            "$defs", "definitions",
        "$anchor", "contentEncoding", "contentMediaType",
    };

    private static readonly JsonSerializerOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly List<JsonNodeRule> nodes = [];
    private readonly Dictionary<string, int> references = new(StringComparer.Ordinal);
    private readonly JsonElement root;
    private int any = -1;

    private JsonGrammar(JsonElement root, string key)
    {
        this.root = root;
        Key = key;
    }

    /// <summary>Any JSON object.</summary>
    public static JsonGrammar AnyObject { get; } = CreateAnyObject();

    /// <summary>Equal for equal grammars.</summary>
    internal string Key { get; }

    /// <summary>The node of the whole text.</summary>
    internal int Root { get; private set; }

    /// <summary>Reads a schema.</summary>
    /// <param name="schema">An object, or true.</param>
    /// <exception cref="JsonSchemaException">
    /// The schema is not well-formed, has a keyword that is not supported, or allows nothing.
    /// </exception>
    public static JsonGrammar FromSchema(JsonElement schema)
    {
        var grammar = new JsonGrammar(schema, schema.GetRawText());
        grammar.Root = grammar.Read(schema, "#", 0);
        grammar.FlattenChoices();
        grammar.CheckEnds();
        return grammar;
    }

    internal JsonNodeRule this[int node] => nodes[node];

    private static JsonGrammar CreateAnyObject()
    {
        var grammar = new JsonGrammar(default, "any object");
        grammar.Root = grammar.Add(JsonNodeKind.Object);
        grammar[grammar.Root].Additional = grammar.AnyValue();
        grammar[grammar.Root].Texts = new ByteTrie();
        return grammar;
    }

    private int Add(JsonNodeKind kind)
    {
        if (nodes.Count == MaxNodes)
        {
            throw new JsonSchemaException("#", $"it has more than {MaxNodes} parts");
        }

        nodes.Add(new JsonNodeRule { Kind = kind });
        return nodes.Count - 1;
    }

    private int Literals(IEnumerable<string> texts)
    {
        int node = Add(JsonNodeKind.Literals);
        var trie = new ByteTrie();
        foreach (string text in texts)
        {
            trie.Add(Encoding.UTF8.GetBytes(text), 0);
        }

        nodes[node].Texts = trie;
        return node;
    }

    private int AnyValue()
    {
        if (any < 0)
        {
            any = Add(JsonNodeKind.Any);
            int items = Add(JsonNodeKind.Array);
            nodes[items].Item = any;
            int properties = Add(JsonNodeKind.Object);
            nodes[properties].Additional = any;
            nodes[properties].Texts = new ByteTrie();
            nodes[any].Choices.AddRange(
                [items, properties, Add(JsonNodeKind.String), Add(JsonNodeKind.Number), Literals(["true", "false", "null"])]);
        }

        return any;
    }

    private int Read(JsonElement schema, string path, int depth)
    {
        if (depth > MaxSchemaDepth)
        {
            throw new JsonSchemaException(path, $"it is nested in more than {MaxSchemaDepth} others");
        }

        if (schema.ValueKind == JsonValueKind.True)
        {
            return AnyValue();
        }

        if (schema.ValueKind != JsonValueKind.Object)
        {
            throw new JsonSchemaException(path, schema.ValueKind == JsonValueKind.False ? "false allows nothing" : "it is not an object");
        }

        var keywords = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        foreach (JsonProperty property in schema.EnumerateObject())
        {
            if (!Annotations.Contains(property.Name))
            {
                keywords[property.Name] = property.Value;
            }
        }

        foreach (string combination in (ReadOnlySpan<string>)["$ref", "anyOf", "oneOf", "allOf", "const", "enum"])
        {
            if (keywords.Remove(combination, out JsonElement value))
            {
                // A type beside constants says nothing new where it agrees, which they are held to.
                keywords.Remove("type", out JsonElement type);
                if (keywords.Count > 0 || (type.ValueKind != JsonValueKind.Undefined && combination is not ("const" or "enum")))
                {
                    throw new JsonSchemaException(
                        path, $"'{combination}' beside '{(keywords.Count > 0 ? keywords.Keys.First() : "type")}' is not supported");
                }

                return combination switch
                {
                    "$ref" => ReadReference(value, path, depth),
                    "const" => ReadConstants([value], type, path),
                    "enum" => ReadConstants(List(value, path + "/enum"), type, path),
                    _ => ReadCombination(combination, List(value, $"{path}/{combination}"), path, depth),
                };
            }
        }

        string[] types = Types(keywords, path);
        foreach (string keyword in keywords.Keys)
        {
            string owner = keyword switch
            {
                "properties" or "required" or "additionalProperties" => "object",
                "items" or "minItems" or "maxItems" => "array",
                "minLength" or "maxLength" => "string",
                "strict" => "",
                _ => throw new JsonSchemaException(path, $"'{keyword}' is not supported"),
            };
            if (types.Length > 0 && owner.Length > 0 && !types.Contains(owner))
            {
                throw new JsonSchemaException(path, $"'{keyword}' is of no use without the type {owner}");
            }
        }

        if (types.Length == 0)
        {
            types = keywords.Count == 0 ? [] : keywords.ContainsKey("items") ? ["array"] : keywords.ContainsKey("properties")
                || keywords.ContainsKey("required") ? ["object"] : [];
            if (types.Length == 0)
            {
                return keywords.Count == 0
                    ? AnyValue() : throw new JsonSchemaException(path, $"'{keywords.Keys.First()}' without 'type' is not supported");
            }
        }

        int[] choices = [.. types.Select(type => ReadType(type, keywords, path, depth))];
        if (choices.Length == 1)
        {
            return choices[0];
        }

        int node = Add(JsonNodeKind.Any);
        nodes[node].Choices.AddRange(choices);
        return node;
    }

    private static string[] Types(Dictionary<string, JsonElement> keywords, string path)
    {
        if (!keywords.Remove("type", out JsonElement type))
        {
            return [];
        }

        string[] types = type.ValueKind == JsonValueKind.String ? [type.GetString()!]
            : [.. List(type, path + "/type").Select(t => t.ValueKind == JsonValueKind.String ? t.GetString()! : "")];
        foreach (string name in types)
        {
            if (name is not ("object" or "array" or "string" or "number" or "integer" or "boolean" or "null"))
            {
                throw new JsonSchemaException(path + "/type", $"'{name}' is no type of JSON");
            }
        }

        return types.Length > 0 ? [.. types.Distinct()] : throw new JsonSchemaException(path + "/type", "it is empty");
    }

    private int ReadType(string type, Dictionary<string, JsonElement> keywords, string path, int depth)
    {
        switch (type)
        {
            case "null":
                return Literals(["null"]);
            case "boolean":
                return Literals(["true", "false"]);
            case "integer":
                return Add(JsonNodeKind.Integer);
            case "number":
                return Add(JsonNodeKind.Number);
            case "string":
                int text = Add(JsonNodeKind.String);
                ReadLimits(nodes[text], keywords, path, "minLength", "maxLength");
                return text;
            case "array":
                int array = Add(JsonNodeKind.Array);
                ReadLimits(nodes[array], keywords, path, "minItems", "maxItems");
                int item = keywords.TryGetValue("items", out JsonElement items) ? Read(items, path + "/items", depth + 1) : AnyValue();
                nodes[array].Item = item;
                return array;
            default:
                return ReadObject(keywords, path, depth);
        }
    }

    private static void ReadLimits(JsonNodeRule rule, Dictionary<string, JsonElement> keywords, string path, string least, string most)
    {
        rule.Least = Limit(least) ?? 0;

        // A bound that is narrower than the schema's is one that replies keep.
        rule.Most = Limit(most) is { } limit ? Math.Min(limit, MaxCount) : -1;
        if (rule.Least > MaxCount)
        {
            throw new JsonSchemaException(path, $"'{least}' over {MaxCount} is not supported");
        }

        if (rule.Most >= 0 && rule.Least > rule.Most)
        {
            throw new JsonSchemaException(path, $"'{least}' is over '{most}'");
        }

        int? Limit(string key) =>
            !keywords.TryGetValue(key, out JsonElement value) ? null
            : value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int number) && number >= 0 ? number
            : throw new JsonSchemaException(path, $"'{key}' is not a whole number from 0");
    }

    private int ReadObject(Dictionary<string, JsonElement> keywords, string path, int depth)
    {
        int node = Add(JsonNodeKind.Object);
        JsonNodeRule rule = nodes[node];
        var required = new List<string>();
        if (keywords.TryGetValue("required", out JsonElement names))
        {
            foreach (JsonElement name in List(names, path + "/required"))
            {
                required.Add(
                    name.ValueKind == JsonValueKind.String
                        ? name.GetString()! : throw new JsonSchemaException(path + "/required", "it is not a list of names"));
            }
        }

        rule.Texts = new ByteTrie();
        var known = new HashSet<string>(StringComparer.Ordinal);
        if (keywords.TryGetValue("properties", out JsonElement properties))
        {
            if (properties.ValueKind != JsonValueKind.Object)
            {
                throw new JsonSchemaException(path + "/properties", "it is not an object");
            }

            foreach (JsonProperty property in properties.EnumerateObject())
            {
                if (known.Add(property.Name))
                {
                    AddProperty(property.Name, Read(property.Value, $"{path}/properties/{property.Name}", depth + 1));
                }
            }
        }

        bool hasProperties = known.Count > 0;
        bool says = keywords.TryGetValue("additionalProperties", out JsonElement additional);
        if (says ? additional.ValueKind != JsonValueKind.False : !hasProperties)
        {
            rule.Additional = says ? Read(additional, path + "/additionalProperties", depth + 1) : AnyValue();
        }

        foreach (string name in required)
        {
            if (known.Add(name))
            {
                AddProperty(
                    name,
                    rule.Additional >= 0 ? rule.Additional
                        : says ? throw new JsonSchemaException(path, $"'{name}' is required, and neither a property nor an additional one")
                        : AnyValue());
            }
        }

        return node;

        void AddProperty(string name, int value)
        {
            // As it is written, with the closing quote.
            rule.Texts!.Add(Encoding.UTF8.GetBytes(Written(name)[1..]), rule.Properties.Count);
            rule.Properties.Add((value, required.Contains(name)));
        }
    }

    private int ReadReference(JsonElement reference, string path, int depth)
    {
        string pointer = reference.ValueKind == JsonValueKind.String ? reference.GetString()! : "";
        if (pointer.Length == 0 || pointer[0] != '#')
        {
            throw new JsonSchemaException(path, "'$ref' is not a place within the schema");
        }

        if (references.TryGetValue(pointer, out int known))
        {
            return known;
        }

        JsonElement target = root;
        foreach (string part in pointer.Split('/').Skip(1))
        {
            string name = Uri.UnescapeDataString(part).Replace("~1", "/", StringComparison.Ordinal)
                .Replace("~0", "~", StringComparison.Ordinal);
            if (target.ValueKind == JsonValueKind.Object && target.TryGetProperty(name, out JsonElement inner))
            {
                target = inner;
            }
            else if (target.ValueKind == JsonValueKind.Array
                && int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int index) && index < target.GetArrayLength())
            {
                target = target[index];
            }
            else
            {
                throw new JsonSchemaException(path, $"'$ref' names '{pointer}', which is not there");
            }
        }

        // Its own node first: a schema may refer to itself.
        int node = Add(JsonNodeKind.Any);
        references.Add(pointer, node);
        int read = Read(target, pointer, depth + 1);
        nodes[node].Choices.Add(read);
        return node;
    }

    private int ReadConstants(JsonElement[] values, JsonElement type, string path)
    {
        if (values.Length == 0)
        {
            throw new JsonSchemaException(path, "'enum' is empty");
        }

        if (type.ValueKind != JsonValueKind.Undefined)
        {
            string[] types = Types(new Dictionary<string, JsonElement>(StringComparer.Ordinal) { ["type"] = type }, path);
            values = [.. values.Where(value => types.Any(t => IsOf(value, t)))];
            if (values.Length == 0)
            {
                throw new JsonSchemaException(path, "none of its constants is of its type");
            }
        }

        return Literals(values.Select(Written));
    }

    private static bool IsOf(JsonElement value, string type) => value.ValueKind switch
    {
        JsonValueKind.Object => type == "object",
        JsonValueKind.Array => type == "array",
        JsonValueKind.String => type == "string",
        JsonValueKind.Number => type == "number"
            || (type == "integer" && value.TryGetDouble(out double number) && Math.Floor(number) == number),
        JsonValueKind.Null => type == "null",
        _ => type == "boolean",
    };

    private int ReadCombination(string keyword, JsonElement[] alternatives, string path, int depth)
    {
        if (alternatives.Length == 0)
        {
            throw new JsonSchemaException(path, $"'{keyword}' is empty");
        }

        if (keyword == "allOf" && alternatives.Length > 1)
        {
            throw new JsonSchemaException(path, "'allOf' of more than one schema is not supported");
        }

        if (keyword == "oneOf")
        {
            for (int i = 0; i < alternatives.Length; i++)
            {
                for (int j = 0; j < i; j++)
                {
                    if (!Exclude(alternatives[i], alternatives[j], 0))
                    {
                        throw new JsonSchemaException(
                            $"{path}/oneOf/{i}",
                            "'oneOf' is supported where types, or constants of a required property, tell the alternatives apart; here "
                                + $"alternative {j} is not told apart");
                    }
                }
            }
        }

        int node = Add(JsonNodeKind.Any);
        int[] choices = [.. alternatives.Select((alternative, i) => Read(alternative, $"{path}/{keyword}/{i}", depth + 1))];
        nodes[node].Choices.AddRange(choices);
        return node;
    }

    /// <summary>Whether no value is of both schemas, as far as their types and constants tell.</summary>
    private bool Exclude(JsonElement a, JsonElement b, int depth)
    {
        a = Resolve(a);
        b = Resolve(b);
        if (depth > 8 || a.ValueKind != JsonValueKind.Object || b.ValueKind != JsonValueKind.Object)
        {
            return false;
        }

        if (Constants(a) is { } these && Constants(b) is { } those)
        {
            return !these.Select(Written).Intersect(those.Select(Written), StringComparer.Ordinal).Any();
        }

        string[] typesA = TypesOf(a);
        string[] typesB = TypesOf(b);
        if (typesA.Length > 0 && typesB.Length > 0
            && !typesA.Any(t => typesB.Any(u => t == u || (t, u) is ("number", "integer") or ("integer", "number"))))
        {
            return true;
        }

        if (typesA is not ["object"] || typesB is not ["object"]
            || !a.TryGetProperty("properties", out JsonElement propertiesA) || !b.TryGetProperty("properties", out JsonElement propertiesB)
            || propertiesA.ValueKind != JsonValueKind.Object || propertiesB.ValueKind != JsonValueKind.Object)
        {
            return false;
        }

        foreach (JsonProperty property in propertiesA.EnumerateObject())
        {
            if (Requires(a, property.Name) && Requires(b, property.Name)
                && propertiesB.TryGetProperty(property.Name, out JsonElement other) && Exclude(property.Value, other, depth + 1))
            {
                return true;
            }
        }

        return false;

        static bool Requires(JsonElement schema, string name) =>
            schema.TryGetProperty("required", out JsonElement required) && required.ValueKind == JsonValueKind.Array
            && required.EnumerateArray().Any(item => item.ValueKind == JsonValueKind.String && item.ValueEquals(name));
    }

    private JsonElement Resolve(JsonElement schema)
    {
        for (int i = 0; i < 8 && schema.ValueKind == JsonValueKind.Object && schema.TryGetProperty("$ref", out JsonElement reference)
            && reference.ValueKind == JsonValueKind.String; i++)
        {
            JsonElement target = root;
            foreach (string part in reference.GetString()!.Split('/').Skip(1))
            {
                if (target.ValueKind != JsonValueKind.Object || !target.TryGetProperty(part, out target))
                {
                    return default;
                }
            }

            schema = target;
        }

        return schema;
    }

    private static JsonElement[]? Constants(JsonElement schema) =>
        schema.TryGetProperty("const", out JsonElement value) ? [value]
        : schema.TryGetProperty("enum", out JsonElement values) && values.ValueKind == JsonValueKind.Array ? [.. values.EnumerateArray()]
        : null;

    private static string[] TypesOf(JsonElement schema) =>
        schema.TryGetProperty("type", out JsonElement type)
            ? type.ValueKind == JsonValueKind.String ? [type.GetString()!]
                : type.ValueKind == JsonValueKind.Array
                    ? [.. type.EnumerateArray().Where(t => t.ValueKind == JsonValueKind.String).Select(t => t.GetString()!)]
                : []
            : Constants(schema) is { } constants ? [.. constants.Select(NameOf).Distinct()] : [];

    private static string NameOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "object",
        JsonValueKind.Array => "array",
        JsonValueKind.String => "string",
        JsonValueKind.Number => "number",
        JsonValueKind.Null => "null",
        _ => "boolean",
    };

    private static JsonElement[] List(JsonElement value, string path) =>
        value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray()] : throw new JsonSchemaException(path, "it is not a list");

    /// <summary>A value as a reply writes it: without white space, and with characters beyond ASCII as themselves.</summary>
    private static string Written(JsonElement value)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream, new JsonWriterOptions { Encoder = Plain.Encoder }))
        {
            value.WriteTo(writer);
        }

        return Encoding.UTF8.GetString(stream.GetBuffer(), 0, (int)stream.Length);
    }

    private static string Written(string text) => $"\"{JsonEncodedText.Encode(text, Plain.Encoder)}\"";

    /// <summary>
    /// Makes the choices of all nodes ones between nodes that are no choices. A schema that is itself, with nothing around, would never
    /// begin.
    /// </summary>
    private void FlattenChoices()
    {
        const int MaxChoices = 100_000;
        var states = new byte[nodes.Count];
        int total = 0;
        for (int node = 0; node < nodes.Count; node++)
        {
            Visit(node);
        }

        void Visit(int node)
        {
            JsonNodeRule rule = nodes[node];
            if (rule.Kind != JsonNodeKind.Any || states[node] == 2)
            {
                return;
            }

            if (states[node] == 1)
            {
                throw new JsonSchemaException("#", "a '$ref' leads back to itself");
            }

            states[node] = 1;
            RuntimeHelpers.EnsureSufficientExecutionStack();
            var flat = new HashSet<int>();
            foreach (int choice in rule.Choices)
            {
                Visit(choice);
                flat.UnionWith(nodes[choice].Kind == JsonNodeKind.Any ? nodes[choice].Choices : [choice]);
            }

            rule.Choices.Clear();
            rule.Choices.AddRange(flat);
            total += flat.Count;
            if (total > MaxChoices)
            {
                throw new JsonSchemaException("#", $"it has more than {MaxChoices} choices");
            }

            states[node] = 2;
        }
    }

    /// <summary>A schema whose every value holds another of its kind would never end.</summary>
    private void CheckEnds()
    {
        var ends = new bool[nodes.Count];
        for (bool changed = true; changed;)
        {
            changed = false;
            for (int i = nodes.Count - 1; i >= 0; i--)
            {
                JsonNodeRule rule = nodes[i];
                bool now = rule.Kind switch
                {
                    JsonNodeKind.Array => rule.Least == 0 || ends[rule.Item],
                    JsonNodeKind.Object => rule.Properties.TrueForAll(property => !property.Required || ends[property.Value]),
                    JsonNodeKind.Any => rule.Choices.Exists(choice => ends[choice]),
                    _ => true,
                };
                changed |= now && !ends[i];
                ends[i] |= now;
            }
        }

        if (!ends[Root])
        {
            throw new JsonSchemaException("#", "its values would have no end, as each holds another");
        }
    }
}
