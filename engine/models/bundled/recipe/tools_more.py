"""Tools of many kinds, composed from nouns and verbs: what they are called, how they are described, and what somebody says who needs them."""

import random
import re

# What can be looked up: noun, what it belongs to, the kind of value, and requests that do not use the noun.
LOOKUPS = [
    ("air quality", "city|town|place", "city", ["Is the air (clean|bad|good) in {}", "Can I breathe well in {}"]),
    ("opening hours", "shop|museum|office", "name", ["When does {} (open|close)", "Is {} open (now|today|on Sunday)", "Until when can I go to {}"]),
    ("birthday", "person|contact|friend", "name", ["When was {} born", "On which day do I congratulate {}", "When is {} a year older"]),
    ("email address", "person|employee|contact", "name", ["How do I (mail|email) {}", "Where can I send {} an email"]),
    ("salary", "employee|person|worker", "name", ["How much does {} earn", "What is {} paid"]),
    ("author", "book|text|article", "word", ["Who wrote {}", "By whom is {}"]),
    ("calories", "food|meal|dish", "food", ["(Is|Are) {} healthy", "Will {} make me fat", "How much energy is in {}"]),
    ("exchange rate", "currency|coin", "word", ["What is one {} worth", "How many dollars do I get for a {}"]),
    ("tide", "harbour|beach|port", "city", ["When is the water high at {}", "Is it ebb or flood in {}"]),
    ("departure time", "train|bus|ferry", "code", ["When does {} leave", "Have I missed {}"]),
    ("delay", "train|bus|tram", "code", ["How late is {}", "Is {} on time"]),
    ("battery level", "device|phone|robot", "word", ["How full is the {}", "Must I charge the {}", "How much power has {} left"]),
    ("owner", "house|boat|domain", "word", ["Who owns {}", "To whom does {} belong", "Whose is {}"]),
    ("balance", "account|card|wallet", "number", ["How much money is on {}", "How much is left on {}", "Can I still pay with {}"]),
    ("manager", "team|department|branch", "word", ["Who leads {}", "Who is the boss of {}", "Who is in charge of {}"]),
    ("deadline", "project|task|paper", "word", ["When must {} be done", "Until when do I have time for {}", "When is {} due"]),
    ("altitude", "mountain|peak|hill", "word", ["How high is {}", "How far up is {}"]),
    ("depth", "lake|river|well", "word", ["How deep is {}", "How far down does {} go"]),
    ("speed limit", "road|street|bridge", "word", ["How fast may I drive on {}", "Am I too fast on {}"]),
    ("traffic", "road|street|motorway", "word", ["Is there a jam on {}", "How busy is {}", "Can I get through on {}"]),
    ("parking spaces", "street|garage|square", "word", ["Where can I leave my car in {}", "Can I park at {}"]),
    ("hotels", "city|region|village", "city", ["Where can I sleep in {}", "I need a room in {}", "Where do I stay the night in {}"]),
    ("score", "match|game|team", "word", ["Who won {}", "How did {} play", "How does {} stand"]),
    ("currency", "country|state", "city", ["What do they pay with in {}", "What money is used in {}"]),
    ("language", "country|region", "city", ["What do people speak in {}", "How do they talk in {}"]),
    ("sunrise", "city|place", "city", ["When does it get light in {}", "When does the sun come up in {}", "How early is it bright in {}"]),
    ("sunset", "city|place", "city", ["When does it get dark in {}", "When does the sun go down in {}"]),
    ("pollen", "region|city|park", "city", ["Will I sneeze in {}", "Is it bad for my allergy in {}"]),
    ("ingredients", "dish|cake|soup", "food", ["What is in {}", "What (is|are) {} made of", "What must I buy for {}"]),
    ("side effects", "medicine|drug|pill", "word", ["Is {} dangerous", "What happens if I take {}"]),
    ("blood group", "patient|donor", "name", ["What blood has {}", "May {} give blood"]),
    ("grade", "student|pupil", "name", ["How well did {} do", "Did {} pass", "How good was {} in the exam"]),
    ("timetable", "school|class|line", "word", ["When are the lessons of {}", "When does {} run"]),
    ("page count", "book|report|document", "word", ["How thick is {}", "How many pages has {}", "Is {} a long read"]),
    ("file size", "file|folder|archive", "word", ["How big is {}", "How many megabytes has {}", "Is {} too large"]),
    ("uptime", "server|service|machine", "word", ["How long has {} been running", "Since when is {} up", "Did {} crash"]),
    ("version", "program|package|app", "word", ["How new is {}", "Which release of {} is there", "Is {} out of date"]),
    ("licence", "package|program|library", "word", ["May I use {} for free", "Am I allowed to copy {}"]),
    ("log", "service|server|job", "word", ["What went wrong with {}", "What did {} write", "Which errors has {}"]),
    ("warranty", "product|machine|phone", "word", ["Who pays if {} breaks", "Will they repair {} for free"]),
    ("rating", "restaurant|film|hotel", "name", ["Is {} any good", "What do people think of {}", "How many stars has {}"]),
    ("menu", "restaurant|cafe|canteen", "name", ["What can I eat at {}", "What do they cook at {}", "What is there to eat in {}"]),
    ("fuel price", "town|station", "city", ["What does petrol cost in {}", "Where do I fill up in {}"]),
    ("mayor", "town|city|village", "city", ["Who governs {}", "Who runs the town hall in {}"]),
    ("synonym", "word|term", "word", ["What is another word for {}", "How else can I say {}"]),
    ("spelling", "word|name", "word", ["How is {} written", "Is {} written correctly"]),
    ("tracking", "parcel|package|shipment", "code", ["Where is my parcel {}", "Has {} been delivered", "When will {} arrive"]),
    ("seat", "passenger|guest|student", "name", ["Where does {} sit", "Which place has {}"]),
    ("address", "person|customer|company", "name", ["Where does {} live", "Where do I find {}", "Which street is {} in"]),
    ("biography", "artist|writer|person", "name", ["Who was {}", "Tell me the life of {}", "What did {} do"]),
    ("lyrics", "song|hymn", "word", ["How does {} go", "What do they sing in {}"]),
    ("news", "topic|place|company", "word", ["What is new about {}", "What happened to {}", "Anything new on {}"]),
    ("lap time", "driver|runner", "name", ["How fast was {}", "How quick did {} run"]),
    ("water level", "river|lake|tank", "word", ["How high does {} stand", "Is {} flooding"]),
    ("radiation", "place|lab|room", "word", ["Is it safe to enter {}", "Does {} shine in the dark"]),
    ("humidity", "room|cellar|greenhouse", "word", ["How damp is {}", "Is {} too dry"]),
]

# What can be done: verbs, to what, the kind of value, and requests that use other words.
ACTIONS = [
    ("delete|remove|erase", "file|note|record|photo", "word", ["Get rid of {}", "{} is no longer needed", "Throw {} away", "I don't want {} any more"]),
    ("create|make|add", "note|folder|playlist|list", "word", ["I need a new one named {}", "Let there be a fresh {}"]),
    ("lock|close|shut", "door|gate|window", "word", ["Nobody should get into the {}", "Make sure the {} is shut"]),
    ("unlock|open", "door|gate|garage", "word", ["Let me into the {}", "I am standing in front of the {}"]),
    ("start|run|launch", "pump|machine|robot|job", "word", ["{} should work now", "Get {} going", "Bring {} to life"]),
    ("stop|halt|end", "pump|machine|robot|job", "word", ["{} must not go on", "Enough of {}", "No more {}"]),
    ("call|phone|ring", "person|customer|doctor", "name", ["I want to talk to {}", "Get {} on the line", "Put me through to {}"]),
    ("order|buy", "pizza|product|book", "food", ["I am hungry for {}", "Have {} brought to me", "I'd like some {} delivered"]),
    ("cancel|drop", "booking|meeting|trip", "code", ["I can't come to {}", "{} will not take place", "Call off {}"]),
    ("pay|settle", "invoice|bill|fine", "number", ["{} is still open, send the money", "Transfer what I owe for {}"]),
    ("print", "document|ticket|label", "word", ["I need {} on paper", "Put {} on paper"]),
    ("water", "plant|flower|garden", "word", ["The {} is thirsty", "The {} looks dry"]),
    ("feed", "fish|cat|horse", "word", ["{} is hungry", "Give {} something to eat"]),
    ("block|ban", "user|sender|card", "name", ["{} must not log in any more", "I don't want to hear from {} again", "Keep {} out"]),
    ("invite|welcome", "guest|user|member", "name", ["Ask {} to join us", "{} should be with us too", "We want {} at the party"]),
    ("download|fetch", "file|film|picture", "word", ["Get me a copy of {}", "Save {} on my disk"]),
    ("upload|publish", "file|photo|page", "word", ["Put {} on the web", "The world should see {}"]),
    ("restart|reboot", "router|server|computer", "word", ["{} hangs, do something", "Turn {} off and on again"]),
    ("charge", "car|phone|scooter", "word", ["{} is nearly empty", "Plug in {}", "Fill the battery of {}"]),
    ("clean|wash|sweep", "room|car|floor", "word", ["{} is dirty", "There is dust in {}", "Make {} shine"]),
    ("mute|silence", "speaker|phone|channel", "word", ["{} is too loud", "I don't want to hear {}"]),
    ("archive|store|save", "mail|report|page", "word", ["Put {} in the cupboard", "Keep {} for later"]),
    ("subscribe to|follow", "channel|paper|topic", "word", ["Keep me posted about {}", "I want every issue of {}"]),
    ("book|reserve", "room|flight|seat", "name", ["I want to stay at {}", "Hold a place at {} for me"]),
    ("hire|employ", "worker|cook|driver", "name", ["{} may begin on Monday", "We want {} to work for us"]),
    ("encrypt|protect", "file|disk|message", "word", ["Nobody should read {}", "Make {} secret"]),
    ("count", "sheep|items|votes", "word", ["How many {} are there", "What number of {} is there"]),
    ("measure|weigh", "parcel|plank|stone", "word", ["How heavy is {}", "Put {} on the scales"]),
    ("report|flag", "bug|accident|post", "word", ["Something is wrong with {}, tell them", "{} must be looked at by somebody"]),
    ("paint", "wall|fence|chair", "colour", ["I want it all in {}", "Make it {}", "Give it a coat of {}"]),
    ("greet", "guest|visitor", "name", ["Say hello to {}", "Wave to {}"]),
    ("navigate to|drive to|fly to", "city|place|airport", "city", ["Bring me to {}", "I want to go to {}", "Take me to {}", "Which way is it to {}"]),
]
# Two values: verbs, object, names of the parameters, kinds, and requests.
DOUBLES = [
    ("transfer|send", "money", [("amount", "to"), ("amount", "recipient"), ("sum", "person")], ("number", "name"), ["(Transfer|Send|Pay) {} to {1}", "Give {1} {} (euros|dollars|coins|)", "{1} gets {} from me", "I owe {1} {}, pay it"]),
    ("rename|relabel", "file", [("old", "new"), ("from", "to"), ("file", "name")], ("word", "word"), ["Rename {} to {1}", "{} should be called {1}", "Call the file {} {1} from now on", "Change the name of {} to {1}"]),
    ("move|carry", "object", [("item", "place"), ("what", "where"), ("object", "target")], ("word", "word"), ["(Put|Move|Bring|Carry) the {} (to|into) the {1}", "The {} belongs in the {1}", "I want the {} in the {1}"]),
    ("compare", "words", [("first", "second"), ("a", "b"), ("left", "right")], ("word", "word"), ["(Compare|Hold) {} (with|against) {1}", "Which is better, {} or {1}", "Is there a difference between {} and {1}", "{} or {1}"]),
    ("rent|hire", "car", [("city", "days"), ("place", "duration")], ("city", "age"), ["I need a car in {} for {1} days", "(Rent|Hire|Get) (me|) a car in {} for {1} days", "{1} days with a car in {}"]),
    ("divide", "numbers", [("a", "b"), ("x", "y"), ("dividend", "divisor")], ("number", "number"), ["(Divide|Split) {} by {1}", "What is {} (divided by|over) {1}", "How often does {1} go into {}", "{} / {1}"]),
    ("subtract", "numbers", [("a", "b"), ("x", "y"), ("first", "second")], ("number", "number"), ["What is {} minus {1}", "{} - {1}", "Take {1} (away|) from {}", "Subtract {1} from {}", "What is left of {} without {1}"]),
    ("schedule|plan", "meeting", [("person", "hour"), ("with", "at"), ("guest", "time")], ("name", "age"), ["(Plan|Arrange|Schedule) a meeting with {} at {1}", "I want to see {} at {1}", "Let {} and me meet at {1}"]),
    ("remind", "person", [("person", "about"), ("who", "what")], ("name", "word"), ["Remind {} (of|about) {1}", "{} must not forget {1}", "Tell {} to think of {1}"]),
    ("order", "goods", [("count", "item"), ("quantity", "product"), ("number", "article")], ("age", "word"), ["(Order|Buy|Get) {} (pieces of|boxes of|) {1}", "We need {} more {1}", "I want {} {1}"]),
    ("set volume of", "room", [("room", "volume"), ("place", "level")], ("word", "age"), ["(Set|Turn) the volume in the {} to {1}", "The {} should be at {1} percent", "Make the {} {1} loud"]),
    ("travel", "route", [("from", "to"), ("start", "goal"), ("origin", "target")], ("city", "city"), ["How do I get from {} to {1}", "Which train goes from {} to {1}", "I (am|start) in {} and want to go to {1}", "A ticket from {} to {1}"]),
    ("assign", "task", [("task", "person"), ("what", "who")], ("word", "name"), ["{1} should do {}", "(Give|Assign) {} to {1}", "Let {1} take care of {}"]),
    ("rate", "film", [("film", "stars"), ("title", "points")], ("word", "age"), ["(Give|Rate) {} {1} (stars|points|)", "{} is worth {1} points to me", "{1} points for {}"]),
]
LOOKUP_VERBS = ["get", "find", "look_up", "fetch", "show", "check", "read", "query", "lookup", "search"]
LOOKUP_REQUESTS = [
    "What is the {noun} of {}", "(Get|Find|Look up|Show|Check|Tell|Give) (me|us|) the {noun} (of|for) {}", "(I need|I want|I'd like|We need) (to know|) the {noun} (of|for) {}", "(Can|Could|Would) you (find|get|check|look up|tell me) the {noun} (of|for) {}",
    "{noun} (of|for) {}", "{}: {noun}", "Do you know the {noun} of {}", "What {noun} does {} have", "What about the {noun} of {}", "(Which|What) is {}'s {noun}", "the {noun} of the {thing} {}", "(Find|Show|Get) the {noun} of the {thing} (called|named|) {}", "Tell me about the {noun} (of|for) {}", "I wonder (about|what is) the {noun} of {}",
]
ACTION_REQUESTS = [
    "{verb} {}", "{verb} the {thing} {}", "(Please|Now|Quickly|Kindly) {verb} (the {thing} |){}", "(Can|Could|Would|Will) you {verb} (the {thing} |){}", "I (want|need|would like) (you|) to {verb} (the {thing} |){}", "(It is time to|Let's|We must|You should) {verb} (the {thing} |){}", "The {thing} {}, {verb} it", "{verb} (a|the|my|our) {thing} (called|named|with the name) {}",
]


def cased(rng: random.Random, words: str) -> str:
    """The name of a tool in one of the usual spellings."""
    parts = re.findall(r"\w+", words)
    return parts[0] + "".join(part.capitalize() for part in parts[1:]) if rng.random() < 0.12 else "_".join(parts)


def lookup(rng: random.Random):
    noun, things, kind, others = rng.choice(LOOKUPS)
    thing, verb = rng.choice(things.split("|")), rng.choice(LOOKUP_VERBS)
    name = cased(rng, rng.choice([f"{verb} {noun}", f"{verb} {noun}", noun, f"{thing} {noun}", f"{verb} {thing} {noun}", f"{noun} of {thing}"]))
    about = rng.choice(["{Verb} the {noun} of a {thing}", "{Verb} the {noun} of a {thing}", "The {noun} of a {thing}", "Returns the {noun} (for the given|of a) {thing}", "{Verb} the {noun} for a {thing}", "Tells the {noun} of some {thing}", "{Noun} by {thing}"])
    about = about.replace("{Verb}", verb.replace("_", " ").replace("lookup", "look up").capitalize()).replace("{Noun}", noun.capitalize()).replace("{noun}", noun).replace("{thing}", thing)
    requests = [text.replace("{noun}", noun).replace("{thing}", thing) for text in LOOKUP_REQUESTS]
    parameter = rng.choice([thing, thing, thing, "name", "query", "id"])
    return name, about, (parameter,), (kind,), rng.choice((requests, others)), [noun.replace(" ", "_"), noun.split(" ")[-1], "result", "value"]


def action(rng: random.Random):
    verbs, things, kind, others = rng.choice(ACTIONS)
    verb, thing = rng.choice(verbs.split("|")), rng.choice(things.split("|"))
    name = cased(rng, rng.choice([f"{verb} {thing}", f"{verb} {thing}", verb, f"{thing} {verb}"]))
    about = rng.choice(["{Verb} a {thing}", "{Verb} a {thing}", "{Verb} the given {thing}", "Use this to {verb} a {thing}", "{Verb} one {thing} by name", "{Verb} some {thing}"])
    about = about.replace("{Verb}", verb.capitalize()).replace("{verb}", verb).replace("{thing}", thing)
    said = rng.choice(verbs.split("|"))
    requests = [text.replace("{verb}", said).replace("{thing}", thing) for text in ACTION_REQUESTS]
    requests = [text[0].upper() + text[1:] if rng.random() < 0.8 else text for text in requests]
    return name, about, (rng.choice([thing, thing, thing, "name", "target", "id"]),), (kind,), requests if rng.random() < 0.6 else others, ["status", "done", "result", "count", thing]


def double(rng: random.Random):
    verbs, thing, pairs, kinds, requests = rng.choice(DOUBLES)
    verb = rng.choice(verbs.split("|"))
    about = rng.choice(["{Verb} {thing}", "{Verb} a {thing}", "{Verb} the {thing}", "Use this to {verb} {thing}"])
    return cased(rng, rng.choice([f"{verb} {thing}", verb])), about.replace("{Verb}", verb.capitalize()).replace("{verb}", verb).replace("{thing}", thing), rng.choice(pairs), kinds, requests, ["status", "result", "value", "number"]


def composed(rng: random.Random):
    """Name, description, parameters, kinds of their values, requests, keys of the result."""
    return rng.choices((lookup, action, double), (0.5, 0.3, 0.2))[0](rng)
