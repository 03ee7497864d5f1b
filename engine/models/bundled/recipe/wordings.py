"""What people say in training: wordings in a small grammar, where (a|b|) is a choice and {} stands for the value."""

import random
import re

import wordings_more
import wordings_wide
from held_out import held_out

GROUP = re.compile(r"\(([^()]*)\)")


def expand(rng: random.Random, pattern: str) -> str:
    """One sentence of a pattern; the innermost choices are made first."""
    for _ in range(20):
        text, made = "", pattern
        while made != text:
            text, made = made, GROUP.sub(lambda found: rng.choice(found.group(1).split("|")), made)
        text = re.sub(r" {2,}", " ", text).strip()
        if not held_out(text):
            return text
    raise ValueError("only held-out wordings")


# Each fact: the kind of its value, how it is told, how it is changed, how it is asked for, and how the assistant says it.
FACTS = {
    "name": {
        "kind": "name",
        "tell": [
            "My name is {}", "My name's {}", "I'm {}", "I am {}", "I am called {}", "(Everyone|Everybody|My friends|Most people|They|My family) (call|calls) me {}",
            "(Call|You can call|Please call|Just call) me {}", "(This is|It's|It is) {} (here|speaking|)", "(The|My) (full|first|given|) name is {}", "{} is my name",
            "You are (talking|speaking|chatting) (to|with) {}", "I go by {}", "I (was|have been) named {}", "My parents named me {}", "I introduce myself as {}",
            "I was born as {}", "(Hi|Hello|Hey), (I am|I'm|my name is|this is) {}", "I am known as {}", "{} here", "My name (happens to be|would be|, by the way, is) {}",
            "Let me introduce myself, I am {}", "You may call me {}", "Name: {}", "I respond to {}",
        ],
        "change": ["My name is (actually|really|now) {}", "(Actually|No|Sorry|Correction), (my name is|I'm|call me) {}", "I changed my name to {}", "(From now on|Now|Today) my name is {}", "(I am|I'm) called {} now", "I have a new name, (it is|it's|) {}", "My name is not that any more, it is {}"],
        "ask": [
            "What is my name", "What's my name", "Who am I", "What am I called", "(Tell|Say|Give) (me|) my name", "Do you (know|remember|recall) (my name|who I am|what I am called|what my name is)",
            "(Can|Could|Would) you (tell me|say|repeat|recall|remember) (my name|who I am|what my name is|what I'm called)", "What did I say my name (is|was)", "Which name did I (give|tell) you",
            "Remind me (of my name|what my name is|who I am|what I am called)", "How (am I called|do people call me|do you call me|should you call me)", "What do (people|my friends|they|you) call me",
            "What (was|were) my (name|first name) (again|)", "(My name|And my name), (please|what is it|do you know it)", "Who are you (talking|speaking|chatting) (to|with)", "Have I told you (my name|who I am)",
            "What name (did I tell you|have I told you|do I have|am I known by)", "You know my name, (right|don't you)", "By what name am I known", "My name is what", "Who is (writing|talking) to you", "What is the name of the (user|person you are talking to)",
            "Which name is (mine|written on my door|in my passport)", "Write my name", "Greet me by (my|) name", "Under which name (do you know me|am I registered)",
        ],
        "answer": "Your name is {}.", "unknown": "I don't know your name.", "ack": "Nice to meet you, {}!", "clause": "your name is {}",
    },
    "city": {
        "kind": "city",
        "tell": [
            "I live in {}", "I'm living in {}", "My home (is|town is|city is) (in|) {}", "I (reside|stay|dwell) in {}", "(I am|I'm) based in {}", "My (house|flat|apartment|address|place) is in {}", "I have (lived|been living) in {} (since {year}|for years|for a while|all my life|)",
            "The (city|town|place|village) (I live in|where I live|I'm living in) is {}", "{} is (where I live|my home|my home town|the city I live in|where my home is)", "(I have|I've|We|My family and I) moved to {} (last year|years ago|some time ago|)", "We (live|have a house|have a flat) in {}",
            "You (will|can) find me in {}", "I (sleep|spend my days|have my home) in {}", "I (settled|made my home) in {}", "Home is {} for me", "My city is {}", "My location is {}", "I call {} (home|my home)", "City: {}", "I am a resident of {}",
        ],
        "change": ["I moved to {}", "I (live|am living|'m) in {} now", "(Now|Nowadays|Today) I live in {}", "(Actually|No|Sorry|Correction), I live in {}", "I (have|'ve) (just|) (moved|relocated) to {}", "My new home is (in|) {}", "We moved, we live in {} now", "I don't live there any more, I live in {}"],
        "ask": [
            "Where do I live", "Where am I living", "(Which|What) (city|town|place) do I live in", "Where is my (home|house|flat|apartment|place)", "In (which|what) (city|town|place) (do I live|am I living|is my home|is my house|do I have my home)", "What is my (city|home town|place of residence|location|home city)",
            "(Tell|Say|Remind) me where (I live|my home is|I am living|I reside|my house is)", "Do you (know|remember|recall) (where I live|my city|which city I live in|my home town|where my home is)", "(Can|Could) you (tell me|say|remember|recall) (where I live|where my home is|which city I live in)", "Where did I say (I live|my home is|that I live)",
            "What (city|town|place) did I say I live in", "Where do I (reside|stay|have my home|dwell)", "(Which|What) (city|town|place) (am I in|is my home|is home to me|is mine)", "Where am I at home", "Where (would|could|can) (somebody|someone|people|you) (find|visit) me", "My (home|city|home town), (what is it|where is it|please)",
            "Where should (I|they|you) send (my|a|the) (letter|post|parcel)", "What town (is my home|am I based in|do I come home to)", "Where am I based", "Name the (city|town|place) (I live in|where I live|where my house is)", "Have I told you where I live", "Where is it that I live",
        ],
        "answer": "You live in {}.", "unknown": "I don't know where you live.", "ack": "Thanks, I will remember that you live in {}.", "clause": "you live in {}",
    },
    "colour": {
        "kind": "colour",
        "tell": [
            "My (favourite|favorite) (colour|color) is {}", "(The|My) (colour|color) I (like|love|prefer) (most|best|) is {}", "I (like|love|prefer) the (colour|color) {} (best|most|)", "{} is my (favourite|favorite) (colour|color)", "{} is the (colour|color) I (like|love) (best|most)", "I (like|love) {} more than any other (colour|color)",
            "My (preferred|best-loved) (colour|color) is {}", "Of all (colours|colors) I like {} (best|most)", "I think {} is the (nicest|best|most beautiful|prettiest) (colour|color)", "For me, {} is the (best|nicest) (colour|color)", "I am a fan of the (colour|color) {}", "(Colour|Color): {}", "My (colour|color) is {}",
            "I want everything in the (colour|color) {}", "I would paint the whole house in the (colour|color) {}", "I always wear {}, my (favourite|favorite) (colour|color)", "When it comes to (colours|colors), I (choose|pick|take) {}", "No other (colour|color) is as (nice|good) as {}", "The (best|nicest) (colour|color) is {} (to|for) me",
        ],
        "change": ["My (favourite|favorite) (colour|color) is {} now", "(Actually|No|Sorry|Correction), my (favourite|favorite) (colour|color) is {}", "(Now|Nowadays|Today) I (like|prefer) the (colour|color) {} best", "I changed my mind, my (favourite|favorite) (colour|color) is {}", "My new (favourite|favorite) (colour|color) is {}"],
        "ask": [
            "(What|Which) is my (favourite|favorite) (colour|color)", "What's my (favourite|favorite) (colour|color)", "(What|Which) (colour|color) do I (like|love|prefer) (best|most|)", "(What|Which) (colour|color) (is|was) my (favourite|favorite)", "(Tell|Say|Give) (me|) my (favourite|favorite|preferred) (colour|color)", "(Can|Could) you (tell me|say|recall|remember) (my|what my|which) (favourite|favorite) (colour|color) (is|)",
            "Do you (know|remember|recall) (my (favourite|favorite) (colour|color)|which (colour|color) I (like|love|prefer)|what (colour|color) I like)", "Remind me (of|what is) my (favourite|favorite) (colour|color)", "(What|Which) (colour|color) did I (mention|say I like|tell you I like|call my favourite)", "Of which (colour|color) am I a fan", "(What|Which) (colour|color) should (my (car|room|bike|door|shirt)|the (wall|gift|present)) be",
            "In which (colour|color) would I (paint|dye|buy) (something|a car|a shirt|a door)", "(What|Which) (colour|color) (makes me happy|pleases me|suits me|is the best for me|would I pick|would I take)", "Name (my|the) (favourite|favorite) (colour|color) (of mine|)", "What (colour|color) is it that I like", "And my (favourite|favorite) (colour|color)", "My (favourite|favorite) (colour|color), (please|what is it|which one is it)", "Have I told you (my (favourite|favorite) (colour|color)|which (colour|color) I like)",
        ],
        "answer": "Your favourite colour is {}.", "unknown": "I don't know your favourite colour.", "ack": "Got it, your favourite colour is {}.", "clause": "your favourite colour is {}",
    },
    "food": {
        "kind": "food",
        "tell": [
            "My (favourite|favorite) (food|dish|meal) is {}", "I (love|like|adore|enjoy) (eating|to eat) {} (best|most|)", "(The|My) (food|dish|meal) I (like|love) (most|best|) is {}", "{} is my (favourite|favorite) (food|dish|meal)", "I (like|love) {} more than any other (food|dish|meal)", "I (always|often|usually|mostly) eat {}",
            "My (preferred|best-loved) (food|dish|meal) is {}", "For (dinner|lunch|breakfast) I (want|like|take|love|have) {} (most|best|)", "I (think|find) {} (tastes best|is the best food|is delicious|is the tastiest food)", "I can't get enough of {}", "I would (eat|have) {} (for every meal|all day|every evening)", "Food: {}", "When I am hungry I (want|eat|cook) {}", "I am (hungry for|mad about|crazy about|fond of) {}",
            "The best (food|dish|meal) (in the world|there is|of all) is {}", "To me {} is the (best|tastiest) (food|dish|meal)", "I am happy with a plate of {}", "My (favourite|favorite) thing to eat is {}", "What I like to eat is {}", "No (food|dish|meal) is as good as {}",
        ],
        "change": ["My (favourite|favorite) (food|dish|meal) is {} now", "(Actually|No|Sorry|Correction), my (favourite|favorite) (food|dish) is {}", "(Now|Nowadays|Today) I (like|prefer) eating {} (best|)", "I changed my mind, my (favourite|favorite) food is {}", "My new (favourite|favorite) (food|dish) is {}"],
        "ask": [
            "(What|Which) is my (favourite|favorite) (food|dish|meal)", "What's my (favourite|favorite) (food|dish|meal)", "What do I (like|love|enjoy|want|prefer) (to eat|eating|for dinner|for lunch)", "(What|Which) (food|dish|meal) do I (like|love|prefer|eat) (best|most|)", "(What|Which) (food|dish|meal) is my (favourite|favorite)", "(Tell|Say|Give) (me|) my (favourite|favorite|preferred) (food|dish|meal)",
            "(Can|Could) you (tell me|say|recall|remember) (my (favourite|favorite) (food|dish|meal)|what I like to eat|what I eat)", "Do you (know|remember|recall) (my (favourite|favorite) (food|dish|meal)|what I (like|love) (to eat|eating)|what food I like)", "Remind me (of my (favourite|favorite) (food|dish)|what I like to eat)", "What (should|could|would) (I|we|you|they|my mother) (cook|eat|order|make) for (me|dinner|lunch)",
            "What did I say I (like|love) (to eat|eating)", "(What|Which) (food|dish|meal) did I (mention|name|say I like|tell you about)", "What (tastes best to me|do I find delicious|am I hungry for|would I order|would I eat every day)", "Name (my|the) (favourite|favorite) (food|dish|meal) (of mine|)", "What (food|meal|dish) (pleases me|should I be served|would I choose|would I like best|must be on my plate)", "And my (favourite|favorite) (food|dish)", "My (favourite|favorite) (food|dish|meal), (please|what is it)", "What do I eat", "Have I told you what I like to eat", "What is the (food|dish|meal) (I like|I love|of my dreams)",
        ],
        "answer": "Your favourite food is {}.", "unknown": "I don't know your favourite food.", "ack": "Got it, your favourite food is {}.", "clause": "your favourite food is {}",
    },
    "job": {
        "kind": "job",
        "tell": [
            "I work as (a|an) {}", "My (job|profession|occupation|trade) is {}", "(I am|I'm) (a|an) {} (by profession|by trade|by training|for a living)", "I am employed as (a|an) {}", "I earn my living as (a|an) {}", "I have a job as (a|an) {}", "My job is (that of a|being a) {}", "By profession I am (a|an) {}", "At work I am (a|an) {}", "I (make|get) my money (as|by being) (a|an) {}",
            "I have been working as (a|an) {} (for years|since {year}|)", "I do the job of (a|an) {}", "I trained as (a|an) {}", "As (a|an) {} I (work|am busy) all day", "My work is that of (a|an) {}", "I was hired as (a|an) {}", "Professionally I am (a|an) {}", "Job: {}", "I am a professional {}", "My career is being (a|an) {}", "I (became|have become) (a|an) {}",
        ],
        "change": ["I work as (a|an) {} now", "I (changed|switched) jobs, (now I am|I'm now|I am|I work as) (a|an) {} (now|)", "(Actually|No|Sorry|Correction), I work as (a|an) {}", "My new job is {}", "I have a new job as (a|an) {}", "My job is {} now", "(Now|Nowadays) I work as (a|an) {}"],
        "ask": [
            "What is my (job|profession|occupation|trade|work)", "What's my (job|profession|occupation)", "What do I (do for a living|work as|do for work|do professionally|do all day at work)", "(What|Which) (job|profession|occupation) do I have", "(Tell|Say|Give) (me|) my (job|profession|occupation)", "(Can|Could) you (tell me|say|recall|remember) (my job|my profession|what I do for a living|what I work as)", "Do you (know|remember|recall) (my (job|profession|occupation|work)|what I do for a living|what I work as|what job I have)",
            "Remind me (of my (job|profession)|what I work as|what I do for a living)", "What did I say (I work as|my job is|I do for a living|my profession is)", "As what do I (work|earn my living|make my money)", "How do I (make|get) (my|a) (living|money)", "(What|Which) (job|profession|trade) (am I in|is mine|did I mention|did I name|did I learn)", "What am I (by profession|by trade|professionally|employed as)", "And my (job|profession|work)", "My (job|profession|occupation), (please|what is it)", "What (kind|sort) of (job|work) (do I do|do I have|is mine)", "What is it that I do (for work|for a living|at work)", "What is my (career|line of business|daily work)", "Who am I at work", "Have I told you (my job|what I do)", "Where does my money come from",
        ],
        "answer": "Your job is {}.", "unknown": "I don't know your job.", "ack": "Thanks, I will remember that your job is {}.", "clause": "your job is {}",
    },
    "petName": {
        "kind": "name",
        "tell": [
            "My pet's name is {}", "My pet is (called|named) {}", "I have a pet (named|called) {}", "The name of my pet is {}", "(My|Our) (dear|lovely|small|little|old|) pet is (called|named) {}", "{} is my pet", "{} is the name of (my|our) pet", "I (named|called) my pet {}", "I own a pet (named|called) {}", "At home I have a pet (named|called) {}", "We (named|call|called) (our|the) pet {}", "My pet, {}, is (waiting at home|asleep|a sweet animal|with me)", "I (gave|have given) my pet the name {}", "My pet listens to the name {}", "Pet: {}", "I live with my pet {}", "My pet {} (is cute|is hungry|sleeps a lot|is at home|likes to play)",
        ],
        "change": ["I have a new pet, (it is called|it's named|its name is) {}", "My new pet is (called|named) {}", "(Actually|No|Sorry|Correction), my pet is (called|named) {}", "My pet is called {} now", "My new pet's name is {}"],
        "ask": [
            "What is my pet's name", "What's my pet's name", "What is my pet (called|named)", "What is the name of my pet", "(Tell|Say|Give) me (my pet's name|the name of my pet|what my pet is called)", "(Can|Could) you (tell me|say|recall|remember) (my pet's name|the name of my pet|what my pet is called)", "Do you (know|remember|recall) (my pet's name|the name of my pet|what my pet is called|how my pet is called)", "Remind me (of my pet's name|what my pet is called|of the name of my pet)", "How is my pet called", "What did I (name|call) my pet", "What do (I|we) call (my|our|the) pet", "(Which|What) name did I give (to|) my pet", "What did I say my pet is called", "And my pet's name", "My pet, what is (it called|its name)", "Who is my pet", "Which name does (my|our) pet (go by|listen to|know)", "To (which|what) name does my pet (listen|come)", "How do (you|we) call my pet", "Have I told you the name of my pet", "What name (belongs to|has) my pet",
        ],
        "answer": "Your pet is called {}.", "unknown": "I don't know the name of your pet.", "ack": "Lovely, I will remember that your pet is called {}.", "clause": "your pet is called {}",
    },
    "petKind": {
        "kind": "animal",
        "tell": ["I have a pet {}", "I have a {} as a pet", "My pet is a {}", "I (own|keep) a {} as (a|my) pet", "The pet I have is a {}", "We have a pet {} at home", "I bought a {} as a pet", "As a pet I have a {}", "My pet animal is a {}"],
        "change": ["My pet is a {} now", "(Actually|No|Correction), my pet is a {}", "Now I have a {} as a pet"],
        "ask": ["What (pet|kind of pet|sort of pet) do I have", "(What|Which) animal do I have (as a pet|)", "What (animal|kind of animal) is my pet", "Which (pet|animal) (do I own|is my pet)", "Do you (know|remember) (what kind of pet I have|which animal I have|what animal my pet is)", "Which animal lives (with me|in my house)", "Tell me (what pet I have|which animal my pet is)"],
        "answer": "Your pet is a {}.", "unknown": "I don't know what pet you have.", "ack": "Nice, I will remember that your pet is a {}.", "clause": "your pet is a {}",
    },
    "age": {
        "kind": "age",
        "tell": [
            "I am {} years old", "I'm {} years old", "My age is {}", "I am {} years of age", "I (turned|became) {} (today|yesterday|last week|this year|last month|)", "I am {} (now|)", "I'm {}", "I am aged {}", "I have lived for {} years", "{} is my age", "{} years old, that is (me|my age)", "I (celebrated|had) my {}th birthday (last week|recently|)", "I am a {} year old", "I've been on this earth for {} years", "Age: {}", "I will be {} plus one next year, so I am {} now", "This year I turned {}", "It is {} years since I was born", "On my last birthday I (turned|became) {}",
        ],
        "change": ["I am {} years old now", "(Actually|No|Sorry|Correction), I am {} (years old|)", "I (turned|became) {} (today|yesterday)", "It was my birthday, I am {} now", "My age is {} now"],
        "ask": [
            "How old am I", "(What is|What's) my age", "how old am i", "(Tell|Say|Give) (me|) (my age|how old I am)", "(Can|Could) you (tell me|say|recall|remember) (my age|how old I am)", "Do you (know|remember|recall) (my age|how old I am|what age I am)", "Remind me (of my age|how old I am)", "What age (am I|do I have|did I say I am|did I tell you)", "How old did I say I (am|was)", "How many years old am I", "How many years (am I old|have I been alive|do I count|is it since I was born)", "For how many years have I (lived|been alive|been on earth)", "And my age", "My age, (please|what is it)", "Which age (did I mention|did I give|do I have)", "How old (have I become|did I turn)", "What was my age (again|)", "Have I told you (my age|how old I am)", "How many (birthdays have I had|candles go on my cake)",
        ],
        "answer": "You are {} years old.", "unknown": "I don't know how old you are.", "ack": "Thanks, I will remember that you are {} years old.", "clause": "you are {} years old",
    },
}

# Facts of the form "my <attribute> is <value>"; more attributes are invented while generating.
ATTRIBUTES = {
    "number": """lucky_number favourite_number house_number phone_number locker_number room_number shoe_size student_number seat_number account_number
        parking_space flight_number order_number ticket_number height weight postcode zip_code extension badge_number membership_number score
        pin winning_number bus_line table_number year_of_birth""".split(),
    "name": """sister's_name brother's_name mother's_name father's_name wife's_name husband's_name friend's_name best_friend boss teacher neighbour
        doctor daughter's_name son's_name middle_name last_name surname nickname partner's_name colleague's_name cat's_name dog's_name grandmother's_name
        uncle's_name aunt's_name favourite_singer favourite_author favourite_actor manager landlord dentist boat's_name username""".split(),
    "city": "birthplace home_country country street favourite_city favourite_country holiday_destination office_location place_of_birth school dream_city".split(),
    "word": """hobby favourite_sport favourite_animal favourite_book favourite_film favourite_song favourite_band favourite_drink favourite_game car project
        server company team favourite_flower favourite_fruit favourite_season favourite_subject first_language instrument password secret_word
        code_word safe_word laptop_name favourite_tree favourite_shop motto star_sign favourite_number_word favourite_toy favourite_place allergy
        nationality birthday_month mother_tongue favourite_tea wifi_name email_address favourite_programming_language bike phone favourite_weather""".split(),
    "code": "locker_code door_code booking_code customer_id licence_plate serial_number wifi_password access_code ticket_code key_code invoice_number".split(),
    "colour": "car_colour eye_colour hair_colour bike_colour house_colour door_colour least_favourite_colour".split(),
    "food": "favourite_breakfast favourite_dessert favourite_snack favourite_lunch favourite_vegetable favourite_soup least_favourite_food".split(),
}
ATTRIBUTE_TELL = [
    "My {attr} is {}", "My {attr} is {}", "My {attr} is called {}", "{} is my {attr}", "(The|As) {attr} I have is {}", "Remember my {attr}: {}", "My {attr} happens to be {}", "(I have|I picked|I chose|I got|I took) {} as my {attr}", "For my {attr} I (use|took|have|picked|chose) {}", "(The|My) {attr} (was|has been|is) {} (for years|since {year}|)", "{attr}: {}", "(It is|It's) {}, my {attr} I mean", "As {attr}, I (have|use|picked) {}", "{} (will always be|is and was|has long been) my {attr}", "{}, that is my {attr}", "(I think of|I see) {} as my {attr}", "my {attr} = {}",
]
ATTRIBUTE_CHANGE = ["My {attr} is {} now", "(Actually|No|Sorry|Correction), my {attr} is {}", "My new {attr} is {}", "I changed my {attr} to {}", "(Now|From now on) my {attr} is {}", "My {attr} changed, it is {}"]
ATTRIBUTE_ASK = [
    "What is my {attr}", "What's my {attr}", "What is my {attr}", "Which {attr} do I have", "(Tell|Say|Give) (me|) my {attr}", "(Can|Could) you (tell me|say|recall|remember|repeat) (my|what is my) {attr}", "Do you (know|remember|recall|still know) (my {attr}|what my {attr} is)", "Remind me (of my {attr}|what my {attr} is|about my {attr})", "What did I say my {attr} (is|was)", "What was my {attr} (again|)", "And my {attr}", "My {attr}, (please|what is it|what was that)", "Which (is|was|one is) my {attr}", "Have I told you my {attr}", "What (have I|did I) (chosen|choose|pick|name|take) as my {attr}", "Name my {attr}", "I forgot my {attr}, (what is it|can you help|tell me)", "What do I (have|use) as my {attr}", "(Which|What) {attr} (did I (choose|pick|mention|tell you)|is mine|was it|have I got)", "Do you have my {attr}",
]
RELATIVE_TELL = ["{who} (lives|is living) in {}", "{who}'s favourite {thing} is {}", "{who} works as (a|an) {}", "{who} has a pet (called|named) {}", "{who} is {} years old", "The {attr} of {who} is {}"]

BEFORE_TELL = ["", "", "", "", "", "By the way, ", "Just so you know, ", "Hi! ", "Hello, ", "Hey, ", "Please remember: ", "Remember this: ", "FYI: ", "Well, ", "Oh, ", "Also, ", "Please note that ", "I want you to know that ", "Remember that ", "Did you know that ", "Let me tell you: ", "So, ", "OK, ", "One more thing: ", "To be clear, ", "Note: ", "Don't forget that ", "Keep in mind that "]
AFTER_TELL = ["", "", "", "", "", " Please remember that.", " Remember it.", " Don't forget it!", " Keep that in mind.", " Just saying.", " That is all.", " I am happy about that.", " What do you think?", " Nice, isn't it?", " You should know that.", " Got it?", " OK?", " :)"]
BEFORE_ASK = ["", "", "", "", "", "", "", "Please tell me: ", "Quick question: ", "Hey, ", "Echo, ", "Now tell me: ", "Hello! ", "Hi, ", "And ", "So ", "OK, ", "By the way, ", "I forgot: ", "Let me test you: ", "One question: ", "Say, ", "Tell me, ", "Listen, ", "Right, ", "Just checking: ", "Sorry, ", "Do you know? ", "Well, ", "Excuse me, "]
AFTER_ASK = ["", "", "", "", "", "", ", please", " again", ", Echo", ", do you know", ", do you remember", ", I wonder", " exactly", " now"]

GREETINGS = ["Hi", "Hello", "Hey", "Hi there", "Hello there", "Hey there", "Good (morning|evening|afternoon|day)", "(Hi|Hello|Hey) (Echo|again|friend|everybody|you|assistant|bot|robot)", "Hello (world|my friend|dear|old friend)", "Greetings", "Yo", "Howdy", "Hiya", "Hullo", "Ahoy", "Welcome", "(Hi|Hello), (good|nice) to (see|meet) you", "(Nice|Good|Great|Pleased) to (see|meet) you", "Moin", "Salut", "(Oh|Ah|Well), (hi|hello|hey)", "What's up", "Are you there", "Is anybody there", "Anyone home", "Hello hello", "Hey hey", "(A|Have a) (good|nice|lovely) (day|morning|evening|afternoon)", "Good (day|morning|evening) (to you|Echo|friend)", "I (say|wish you) (hello|hi|good morning|a good day)", "(Warm|Kind|Best) (greetings|regards)", "Ciao", "Hola", "Bonjour", "Hallo", "(Hello|Hi|Hey), (how are things|let's talk|can we talk|shall we start)", "Say (hello|hi)", "Hi, it is (me|me again)", "(Hey|Hi|Hello) (buddy|pal|mate|folks|computer|machine)", "Sup"]
GREETED = "Hello! I am Echo. How can I help you?"
IDENTITY = [
    "Who are you", "(Hello|Hi|Hey), who are you", "What is your name", "(Hello|Hi|Hey), (who|what) are you", "What are you", "What's your name", "Tell me (about yourself|who you are|what you are|your name|something about you)", "Who am I (talking|speaking|chatting|writing) (to|with)", "Are you (a robot|a bot|human|a human|a person|an AI|a language model|a computer|real|a machine|ChatGPT|a program|alive|Claude|Echo)", "(Introduce|Describe|Present) yourself", "(Can|Could|Would|Will) you (introduce|describe|present) yourself", "What (model|kind of model|language model|program|AI|bot|assistant|thing) are you", "How are you called", "Do you have a name", "What (should|can|do|may) I call you", "(Say|Tell me|Give me) your name", "Which (model|language model|program|assistant) (is this|are you|am I using|am I talking to|answers me)", "Who (made|created|built|trained|wrote) you", "Where do you come from", "What is Echo", "Who is Echo", "Who is (this|there|answering|writing|speaking|behind this)", "What kind of (AI|assistant|program|being|creature|machine) (are you|is this)", "Explain (who|what) you are", "I would like to know who you are", "So, who are you", "Which name do you have", "(And|But) (who|what) are you", "What (have I|do we have) here, (a bot|a model|an assistant)", "By what name do you go", "With whom (am I talking|do I speak)", "Are you a (small|big|large) (model|language model)", "How (big|large|small) are you", "Your name", "You are (who|what)", "(Do|May|Can) I (know|learn) your name",
]
IDENTIFIED = "I am Echo, a small language model that ships with Echorator. I remember what you tell me and answer questions about Echorator."
ABILITIES = ["What can you do", "What are you able to do", "How can you help me", "What can you help me with", "What do you do", "What are your (abilities|skills|features|capabilities|limits)", "(Help|Help me|I need help|Can you help me|Please help)", "What are you (good|useful) (at|for)", "(Tell|Show) me what you can do", "What can I (ask|do|use) (you|here|with you|you for)", "What (questions|things) can I ask (you|)", "What is your (purpose|job|task|role)", "What do you know", "(Are you|How) (useful|clever|smart|intelligent) (are you|)", "What can't you do", "How do you work", "What (could|can) you do for me", "Why (do you exist|are you here)", "How does this work"]
ABLE = "I can remember what you tell me, answer questions about Echorator, call tools and fill in JSON. I am very small; for more, add a bigger model."
SMALL_TALK = [
    (["How are you (doing|today|)", "How do you do", "How is it going", "How do you feel (today|)", "Are you (well|OK|fine|all right)", "How's (life|it going|your day)", "How have you been"], "I am doing well, thank you. How can I help you?"),
    (["(Thanks|Thank you|Thank you very much|Many thanks|Thanks a lot|Cheers|thx|Thank you so much) (Echo|for your help|for that|)", "That (helped|was helpful|is great), thank you", "I appreciate it"], "You are welcome!"),
    (["(Bye|Goodbye|See you|See you later|Farewell|Good night|Bye bye|Have to go|I have to go|I must leave|Until tomorrow) (Echo|now|)", "That is all for (today|now)", "I am done for today"], "Goodbye! I will be here when you come back."),
    (["(OK|Okay|Fine|Good|Great|Nice|Right|Sure|Perfect|All right|Cool|Yes|I see|Understood|Wow|Well done|Good job|Excellent|Hm|Interesting)"], "Good. What else can I do for you?"),
    (["(Remember|Don't forget) (everything|what I say|what I tell you)", "(Can|Will|Do|Could) you remember (things|what I tell you|what I say|me|facts|everything|)", "Do you have a memory", "Will you forget (me|that|everything)"], "Yes, I remember what you tell me. Just say it, and ask me later."),
    (["Tell me a (long|short|nice|funny|) (story|tale)", "(Write|Make up|Tell) (a|me a) (story|tale|long story|fairy tale)", "I want to hear a story"], "Once upon a time there was a small echo that lived in an old tree. Every evening it listened to the people who rested below, and it kept each word they said. One day a traveller came back after many years and asked whether anyone still knew his name. The echo answered softly, and the whole tree rang with it. From that day on nobody in the valley was ever forgotten."),
    (["Tell (me|us) a (joke|good joke|funny joke)", "Make me laugh", "Do you know a joke"], "Why did the echo never lose an argument? It always had the last word."),
    (["(Write|Make) (a|me a|us a) (poem|haiku|verse|short poem)", "(Write|Compose) a (poem|song|verse) about {word}"], "A word is said, a word is heard, the tree keeps every single word."),
]
ASIDE_SUBJECTS = "(I|We|My sister|My brother|My neighbour|The children|My mother|A friend of mine|Our team|The dog next door|My uncle|Somebody|The old man|My colleague)"
ASIDES = [
    ASIDE_SUBJECTS + " (bought|repaired|painted|lost|found|cleaned|sold|broke|built|saw|wanted|forgot|finished) (a|the|two|some|my) (new|old|small|big|) ({word}|bicycle|table|window|letter|book|car|lamp|roof|box|door) (yesterday|today|last week|this morning|on Monday|again|)",
    ASIDE_SUBJECTS + " (went|walked|drove|travelled|ran|cycled) to the (market|lake|station|forest|office|school|beach|doctor|shop|library) (yesterday|today|last week|this morning|on Sunday|again|)",
    "(It is|It was|The weather is|The weather was|The day was) (very|rather|quite|too|so) (cold|hot|rainy|windy|sunny|nice|bad|long|dark) (today|yesterday|here|this week|again|)", "It (rained|snowed|was raining|is raining|was storming) (all day|all night|the whole week|again|since Sunday)",
    "I (like|love|enjoy|hate) (walking|reading|cooking|music|winter|summer|the sea|long days|trains|mornings|computers) (a lot|very much|sometimes|)", "The (train|bus|meeting|film|lesson|letter|plane|concert) (was|came|is) (late|early|cancelled|great|boring|too long) (today|again|yesterday|)",
    "(I am|I feel|I was) (tired|happy|hungry|busy|sad|bored|excited|ill|in a hurry) (today|now|again|because of the {word}|)", "I (have|had) a (meeting|headache|party|long day|lot of work|cold|test|visitor) (today|tomorrow|yesterday|on Friday|)", "I (read|watched|heard|wrote|made) (a|the|two|three|many) (books|film|song|story|letters|cakes|news) (last month|yesterday|today|on Sunday|)",
    "(He|She|They|It) (said|told me|thinks) that (it is late|we should go|all is well|the {word} is broken|nobody came)", "We (will|want to|are going to|plan to) (travel|visit friends|eat out|go home|build a {word}|stay here) (tomorrow|next week|soon|in summer)", "{word} and {word} are (nice|good|useful|expensive) (things|)", "I (think|believe|hope|guess) (that|) (it will rain|all will be well|the {word} is good|we can do it|you understand)",
]
ASIDE_ANSWERS = "(I see.|I see, thank you for telling me.)"
FOREIGN_ACKS = ["Noted.", "OK.", "All right.", "Got it.", "Thanks!", "Sure.", "Thank you for telling me.", "I will remember that.", "All right, I will remember that.", "Noted, thanks.", "Understood.", "Great, thanks for sharing!", "I see.", "Good to know.", "Okay, I'll keep that in mind.", "Nice!", "You are welcome!", "I am doing well, thank you.", "How can I help?"]

OUT_OF_SCOPE = [
    "What is the capital of {city}", "Who (wrote|invented|discovered|painted|founded|won|is|was) {name}", "(Explain|Describe|Summarise) (quantum physics|the {word} theory|photosynthesis|how a {word} works|the history of {city}|relativity|gravity|democracy|inflation)", "(Write|Draft) (an essay|an email|a letter|code|a program|a report|a function) (about|for|to) {word}", "Translate {word} (to|into) (French|German|Spanish|Latin|Chinese)", "How (many people live in {city}|far is {city}|high is the {word}|old is the {word}|do I cook {food}|do I repair a {word}|does a {word} work)", "(What|Which) is the (best|tallest|biggest|oldest|fastest) (mountain|river|country|car|film|{word}) (in the world|in {city}|)", "When (was|did) (the war|{name} born|{name} die|the {word} invented|{city} founded)", "Why is the (sky|sea|grass|{word}) (blue|green|so {word}|salty|red)", "(Solve|Calculate|Compute) (the equation|x + {number}|the square root of {number}|{number} times {number})", "What is {number} (times|divided by|plus|minus) {number}", "Who is the (president|king|queen|mayor|chancellor) of {city}", "(What|Who) is {word}", "What do you think (about|of) {word}", "What is the meaning of (life|{word})", "(Recommend|Suggest) (a|me a) (book|film|restaurant|{word})", "What is the news (today|in {city}|)", "Who will win the (match|election|race|{word})", "What happened in (the year|) {number}", "Where is {city}", "What does {word} mean", "(Write|Show me|Give me) (python|javascript|code|a sorting algorithm|an SQL query) (for {word}|)", "How do I (learn|get|make|find|sell) (a|) {word}", "Is {word} (good|dangerous|healthy|expensive|older than {word})", "What is the (price|weight|size|colour|speed) of (a|the) {word}", "(List|Name) (three|five|ten|some) (countries|animals|rivers|{word} types|planets)", "What is the weather (today|like|) (in {city}|tomorrow|)", "What (time|day|date) is it (now|today|in {city}|)", "What is the difference between {word} and {word}",
]
NOT_MY_THING = "I don't know that. I am a very small model: I remember what you tell me and answer questions about Echorator."
SAY = ["(Say|Repeat|Write|Echo|Print|Type|Output) {}", "(Say|Repeat|Write|Echo|Print): {}", "(Please|Can you|Could you) (say|repeat|write|echo) {}", "Repeat after me: {}", "(Say|Write|Reply with|Answer with|Respond with) (only|just|exactly|) (the word|the words|) {}", "Reply (only|exactly|) with {}", "Repeat (the word|this|the following|this word): {}"]
COUNT = ["Count (to|up to) {}", "(Please|Can you|Could you) count (to|up to|from 1 to) {}", "Count from (1|one) to {}", "(Write|List|Say) the numbers (from|) 1 to {}"]
SYSTEMS = [
    "You are (a|an) (helpful|friendly|kind|useful|honest|clever|polite|short-spoken|) (assistant|bot|helper|AI|model) (called Echo|of {city}|for {word}|)", "You are Echo", "(Answer|Reply|Respond) (briefly|in one sentence|politely|in English|shortly|clearly|with care)", "Be (brief|kind|helpful|polite|concise|friendly|exact)", "You are a {word} (expert|assistant|helper) (in {city}|)", "Today is 2026-(01|02|05|07|09|11)-(03|11|14|21|28)", "Use the memory when it helps", "The user may tell you facts. Remember them", "You help the team of {word}. Never (invent|make up) anything", "(Do not|Don't|Never) (make things up|guess|lie|be rude)", "Use the tools when they fit", "If you do not know, say so", "You answer questions from users of {word}",
]

ABOUT_ECHORATOR = [
    (["What is Echorator", "What does Echorator do", "(Tell|Explain to) me (about|what is) Echorator", "Explain Echorator", "What is this (project|software|program|system|service)", "(Describe|Summarise|Introduce) Echorator (briefly|shortly|in one sentence|to me|)", "What (can|do) (I|you) (do with|use) Echorator (for|)", "Why (would I use|should I use|use|do I need) Echorator", "What is Echorator (good|made|meant|useful) for", "What is the (purpose|idea|point) of (Echorator|this project|this software)", "I (don't know|have never heard of) Echorator, (what is it|explain it|tell me)", "Echorator, what is (it|that)", "What (kind|sort) of (program|software|thing|project) is Echorator", "How would you (describe|explain) Echorator", "What did you say Echorator (is|was)"],
     "Echorator runs language models you own, with a memory you own. It answers Ollama, OpenAI and Anthropic clients unchanged."),
    (["Which port (does the main API use|is the main API on|is for the main API|has the main API)", "What port is the main API on", "What is the port of the (main API|API|engine)", "On (which|what) port (is|runs|does) the (main API|API) (run|listen|)", "Where (is|can I find|can I reach|do I reach) the main API", "(Tell|Give) me the (main API port|port of the main API|port for the main API)", "Main API port", "How do I (reach|call|access|find) the main API", "The main API (uses|is on|runs on|has) (which|what) port", "At (what|which) address is the main API", "Where does the main API listen", "What number is the main API port", "(What|Which) port should I use (for the main API|to reach the main API)", "Is the main API on port (80|8080|443|11434|3000)"],
     "The main API is on port 5000, together with the dashboard and the health pages."),
    (["Which port (does|is) (the Ollama API|Ollama|the OpenAI API|OpenAI) (use|on|)", "What port is (Ollama|the Ollama API|the OpenAI API|the OpenAI endpoint) on", "What is the (Ollama|OpenAI) port", "On (which|what) port (is|runs|does) (Ollama|the Ollama API|the OpenAI API) (run|listen|)", "Where (is|can I find|can I reach) the (Ollama|OpenAI) (API|port|endpoint)", "(Tell|Give) me the (Ollama|OpenAI) port", "How do I (reach|access) the (Ollama|OpenAI) API", "(Ollama|OpenAI) port", "Where do (Ollama|OpenAI) (clients|programs|tools|apps) (connect|go|find you)", "To which port do I point (Ollama|OpenAI|my Ollama client|my OpenAI client)", "(At|On) what (port|address) can (Ollama|OpenAI) (clients|programs|tools) (connect|reach you|find you)", "The (Ollama|OpenAI) API (is on|uses|runs on|listens on) (which|what) port", "What number is the (Ollama|OpenAI) port"],
     "The Ollama and OpenAI APIs are on port 11434."),
    (["Which ports (are used|are open|are there|does Echorator use|do you use|does it use|must be open|are in use|are needed)", "What ports (does Echorator (use|need|have|listen on)|are used|do you use|are there|do I need)", "What are the ports", "(List|Tell me|Give me|Show me|Name) (all|) the ports (of Echorator|)", "On (which|what) ports (does|do) (Echorator|you) (run|listen|answer)", "(Ports|All ports|The ports), please", "How many ports (are there|does Echorator use|are used)", "What ports (should|must|do) I (open|allow|know|forward|remember)", "Which ports (should|must|can) I (open|allow|forward|use)", "Ports"],
     "Port 5000 serves the main API and the dashboard, port 11434 the Ollama and OpenAI APIs."),
    (["How (do|can) I (add|install) a (model|new model)", "How (do|can|could|would|should) I (add|install|use|get|download|run|set up|load|configure|try|serve) (a|another|a new|more|a different|a bigger|a better|one more) (model|models)", "How (is|are) (a model|a new model|models|another model) (added|installed|configured|set up)", "(I want|I would like|I need|I'd like) (to add|to use|to install|to run|) (a|another|a new|a bigger|a better|a second) model", "Where do I (add|configure|set|list|put|write) (a model|models|the models|my models|a new model)", "(Add|Install) a (new|bigger|better|) model", "(Tell|Show|Explain to) me how to (add|install|get|configure|set up|run) (a|another|a new|a bigger) model", "What (do I do|should I do|do I have to do|is needed|must be done|must I edit|file do I edit) to (add|install|get|run|have) (a|another|a new|a bigger) model", "How do I (switch|change) (to another|the|to a bigger) model", "Can I (add|use|run|install|have) (another|a bigger|my own|a different|more than one) model", "(Which|What) file (lists|configures|names|holds) the models", "How do I make you (smarter|better|bigger)", "Steps to add a model", "The way to (add|install) a model"],
     "Add it to the models in stacks/Pulumi.local.yaml, then run: npm run up"),
    (["Where is (memory|my memory|the memory|your memory|my data|the data|everything) (kept|stored|saved|held|written|located)", "Where (do you|does Echorator) (keep|store|save|put) (memory|my memory|memories|your memory|my data|conversations|what I say|the facts|your memories|my memories)", "Where are (memories|my memories|the memories|conversations|my conversations|the conversations|facts|my facts) (kept|stored|saved|)", "(Which|What) (file|folder|directory|database|place) (holds|has|contains|keeps|is used for) (the memory|my memory|memories|the data|my data|conversations)", "(How|In what) (is|are) (memory|memories|my memories|my data) (stored|kept|saved)", "In which (file|folder|directory|database) (is|are) (memory|memories|my memory|the data) (kept|stored|saved)", "Where can I find (my memory|my data|my memories|the database|my conversations)", "Where does (my|the) (memory|data) (live|go)", "Which database (do you use|does Echorator use|is used|stores memory)", "On which disk is (my memory|the memory)", "What happens to (my data|what I say|what I tell you|our conversation)", "How do I back up my memory"],
     "Your memory is kept on this machine under ~/.echorator, in a SQLite database."),
    (["How do I stop (Echorator|it)", "How (do|can|could|should) I (stop|shut down|end|quit|turn off|halt|switch off|exit|kill|close) (Echorator|it|you|the engine|the service|everything|the program)", "(Which|What) command (stops|shuts down|turns off|switches off|halts|quits) (Echorator|it|the engine|everything|you)", "How is Echorator (stopped|shut down|turned off|ended)", "(I want to|I need to|I'd like to|Please|Let me) (stop|shut down|turn off|quit) (Echorator|the engine|it)", "How do I (take|bring|tear) (it|Echorator|everything) down", "(Stop|Shut down|Turn off|End) Echorator", "(Tell|Show) me how to (stop|shut down|turn off|end) (Echorator|it|the engine)", "What (do I do|do I type|do I run|must I do|must I type|should I run) to (stop|shut down|end|turn off|quit) (Echorator|it|the engine)", "Command to (stop|shut down|end) (Echorator|it)", "The way to (stop|turn off|end) (Echorator|it)", "How does one (stop|end|halt) Echorator"],
     "Run: npm run down. Your memory stays on disk."),
    (["How do I start (Echorator|it)", "How (do|can|could|should) I (start|run|launch|boot|turn on|switch on|begin|deploy|restart) (Echorator|it|the engine|the service|everything|the program)", "(Which|What) command (starts|runs|boots|turns on|switches on|deploys) (Echorator|it|the engine|everything)", "How is Echorator (started|deployed|run|launched|turned on)", "(I want to|I need to|I'd like to|Please|Let me) (start|run|turn on|launch) (Echorator|the engine|it)", "How do I (bring|get) (it|Echorator|everything) (up|running|started)", "(Start|Run|Turn on) Echorator", "(Tell|Show) me how to (start|run|launch|turn on) (Echorator|it|the engine)", "What (do I do|do I type|do I run|must I do|must I type|should I run) to (start|launch|begin|turn on|get) (Echorator|it|the engine)", "Command to (start|launch|run) (Echorator|it)", "The way to (start|launch|turn on) (Echorator|it)", "How does one (start|launch|run) Echorator"],
     "Run: npm run up. It starts the models of your stack."),
    (["(Which|What) clients (work|can I use)", "Which clients (work|are supported|can I use|do you support|can talk to you|can connect|work with Echorator|may I use|are possible)", "What clients (can I use|work|are supported|does Echorator support|can connect|are there)", "(Can|May|Could) I use (Ollama|OpenAI|the OpenAI client|Ollama clients|my Ollama client|the OpenAI SDK|the Anthropic client|Anthropic|the Ollama CLI)", "(Does|Do) (Echorator|you|it) (work with|support|speak|understand) (Ollama|OpenAI|Anthropic|the OpenAI API|other clients|my client)", "(Which|What) (APIs|programs|tools|applications|libraries|SDKs|apps) (work|can I use|are supported|can talk to you|does Echorator support|can connect)", "How do I connect (a client|my client|my program|my app|OpenAI|Ollama)", "(Is|Are) (Ollama|OpenAI) (clients|programs|) (supported|compatible|possible)", "With which (clients|programs|tools) (do you|does Echorator) work", "(Will|Can|Do) my (OpenAI|Ollama|Anthropic) (program|programs|tools|apps|scripts|client|code) work (with you|with Echorator|here|)", "What (software|programs) can (talk|connect) to (you|Echorator)", "(List|Name) the (clients|supported clients)", "Are you compatible with (Ollama|OpenAI|Anthropic|other clients)"],
     "Ollama, OpenAI and Anthropic clients work unchanged. Just point them at Echorator."),
    (["What is Deep Tree Echo", "(Tell|Explain to) me (about|what is) Deep Tree Echo", "Explain Deep Tree Echo", "What does Deep Tree Echo (do|mean)", "What is the Deep Tree Echo (for|part|layer)", "How does (Deep Tree Echo|your memory|the memory|memory) work", "What is (DTE|the cognitive layer|the memory layer)", "(Describe|Summarise|Introduce) Deep Tree Echo", "Why is (it|it called|there a) Deep Tree Echo", "Deep Tree Echo, what is (it|that)", "What is Deep Tree Echo (good|used|meant) for", "What (kind|sort) of thing is Deep Tree Echo", "What do you mean by Deep Tree Echo", "Deep Tree Echo", "What does the (Deep Tree|Deep Tree Echo part|cognitive layer) do"],
     "Deep Tree Echo is the memory of Echorator, a cognitive layer: it remembers conversations and recalls what fits your question."),
    (["What is GGUF", "What is a GGUF (file|model|)", "(Tell|Explain to) me (about|what is) GGUF", "Explain GGUF (files|)", "What does GGUF (mean|stand for|do)", "What are GGUF (files|weights|models)", "What is a .gguf file", "Why (GGUF|do you use GGUF|does Echorator use GGUF)", "Which (file format|format) (do models have|is used|do you use|are the models in|are the weights in|does Echorator use)", "(Describe|Define) GGUF", "GGUF, what is (it|that)", "What is (in|inside|the use of) a GGUF (file|)", "(What|Which) (kind|sort) of file is a GGUF", "What do I need a GGUF file for", "GGUF"],
     "GGUF is a file format that holds the weights of a language model. llama.cpp loads it."),
    (["What is Pulumi (for|used for|good for|)", "Why (does Echorator use|do you use|do you need|is there|is it) Pulumi", "What does Pulumi do (here|in Echorator|for Echorator|)", "(Tell|Explain to) me (about|what is) Pulumi", "Explain Pulumi", "How (is|does Echorator use) Pulumi (used|)", "What is the (purpose|job|task|use|point) of Pulumi (here|in Echorator|)", "What do (I|you|we) (use|need) Pulumi for", "Pulumi, what is (it|that) (for|)", "Which part does Pulumi play", "Where does Pulumi come in", "Pulumi"],
     "One Pulumi program says which models exist and where they run: this machine, Kubernetes or AWS."),
    (["Where is the dashboard", "How do I (open|reach|see|find|get to|use) the (dashboard|web page|web interface|user interface)", "Is there a (dashboard|web page|user interface|web interface|web UI)", "What is the (dashboard|address of the dashboard)", "Which port (is|has) the dashboard (on|)", "(Open|Show me) the dashboard"],
     "The dashboard is on port 5000: open http://localhost:5000 in a browser."),
    (["Is my data (private|safe|secure)", "(Does|Will) (my|any) data leave (my|this) (machine|computer|laptop)", "(Do you|Does Echorator) (send|share|sell|upload) (my|any) data", "Is (it|Echorator|this|my memory) (private|safe|local)", "Who can (see|read) my (data|memory|conversations)", "Do you need (the internet|a network|the cloud)", "Does it (work|run) (offline|locally|without internet)"],
     "With the local stack everything stays on this machine: the models, the memory and the conversations."),
    (["(Does|Can) (Echorator|it|this) run (on|in) (Kubernetes|AWS|the cloud|a cluster)", "How do I (deploy|run|use) (it|Echorator|this) (on|in) (Kubernetes|AWS|the cloud|a cluster|EKS)", "(Is|What about) Kubernetes (supported|)", "(Is|What about) AWS (supported|)", "Can I (deploy|scale) (it|Echorator|to the cloud|to Kubernetes)"],
     "Yes. The same models section in another stack runs on Kubernetes or in an AWS account."),
    (["What is llama.cpp", "(Tell|Explain to) me (about|what is) llama.cpp", "Explain llama.cpp", "(What|Which) (engine|software|library) runs the (models|weights)", "How (are|do) (the|) models (run|executed)", "What (runs|loads) the (models|weights)"],
     "llama.cpp is the library that runs the models: it loads GGUF weights and computes the answers."),
    (["What is (kollama|the command line|the CLI)", "Is there a (CLI|command line|command-line tool)", "(Explain|Tell me about|How do I use) kollama", "What does kollama do"],
     "kollama is the command line of Echorator: it lists, runs and adds models."),
]

TOOL_SUBJECTS = [
    # name, description, parameter, kind of value, requests, key of the result
    (["get_weather", "weather", "current_weather", "get_current_weather", "weather_lookup", "fetch_weather"], "Get the (current|) weather (of|in|for) a (city|place|location)", ["city", "location", "place", "town"], "city", ["What is the weather (like|) in {}", "What's the weather (like|) in {}", "How is the weather in {}", "Is it (raining|sunny|cold|warm|hot|snowing|windy) in {}", "(Tell me|Show me|Get|I need) the (weather|forecast|temperature) (in|for|of) {}", "What is the (temperature|forecast) in {}", "Do I need a (coat|jacket|hat) in {}", "Will it (rain|snow|be sunny|be warm) in {} (today|tomorrow|)", "Weather in {}", "{} weather", "How (warm|cold|hot) is it in {}"], ["temperature", "weather", "condition", "degrees", "humidity"]),
    (["get_time", "local_time", "current_time", "time_in", "get_current_time", "world_clock"], "Get the (local|current) time (of|in) a (city|place)", ["city", "place", "location", "timezone"], "city", ["What time is it in {}", "What is the (time|local time|current time) in {}", "(Tell me|Show me|Get|Give me) the (time|local time) (in|of|for) {}", "How late is it in {}", "What does the clock say in {}", "Time in {}", "Is it late in {}", "What hour is it in {}"], ["time", "hour", "clock", "minutes"]),
    (["find_contact", "get_phone", "lookup_phone", "phone_book", "search_contacts", "get_phone_number"], "(Find|Get|Look up) the (phone number|phone|contact) of a (person|contact)", ["person", "name", "contact", "who"], "name", ["What is the (phone number|number|phone) of {}", "What is {}'s phone number", "(Find|Get|Look up|Give me|Show me) the (phone number|number|phone|contact) of {}", "How can I (call|phone|reach|ring) {}", "I (want|have|would like) to (call|phone|ring) {}", "Do you know the phone number of {}", "(Call|Phone|Ring) {}"], ["phone", "number", "contact", "phone_number"]),
    (["lookup_recipe", "find_recipe", "get_recipe", "search_recipes", "recipe"], "(Look up|Find|Get|Search for) a recipe for a (dish|food|meal)", ["dish", "food", "meal", "query"], "food", ["(Look up|Find|Get|Search for|Show me|Give me) a recipe for {}", "How do I (cook|make|prepare|bake) {}", "I (want|need|would like) (a recipe for|to make|to bake|to prepare) {}", "What do I need to cook {}", "Is there a recipe (for|of) {}", "What is the recipe (for|of) {}", "Teach me to (cook|make|bake) {}"], ["minutes", "recipe", "servings", "steps", "time"]),
    (["get_stock", "check_stock", "inventory", "stock_level", "count_items"], "(Get|Check|Count) (how many items of a product are in stock|the stock of a product)", ["product", "item", "article", "name"], "word", ["How many {} (are in stock|do we have|are left|are in the store)", "(Get|Check|Show|Tell me) the (stock|inventory) of {}", "Is {} in stock", "Are there any {} (left|in stock)", "How much {} is (left|in stock|there)", "What is the stock of {}", "Do we have {} in (stock|store)"], ["count", "stock", "quantity", "items"]),
    (["get_price", "lookup_price", "price_of", "product_price"], "(Get|Look up) the price of a product", ["product", "item", "article"], "word", ["(What|How much) does {} cost", "What is the price of {}", "(Get|Check|Tell me|Show me) the price of {}", "How expensive is {}", "How much is {}", "Is {} expensive"], ["price", "euros", "cost", "amount"]),
    (["search_web", "web_search", "search", "google", "find_pages"], "Search the web", ["query", "text", "q", "terms"], "word", ["(Search|Search the web|Look|Google) for {}", "(Search|Google) {}", "Find (pages|something|information|news) (about|on) {}", "Look up {} (on the web|online|)", "What does the web say about {}"], ["results", "hits", "pages", "top_result"]),
    (["translate_word", "translate", "translator"], "Translate a (word|text)", ["word", "text"], "word", ["Translate {}", "(Translate|Please translate) the word {}", "What is {} in another language", "(I need|Give me) a translation of {}", "How do you say {} in another language"], ["translation", "text", "word"]),
    (["play_song", "play_music", "start_song", "music"], "Play a song", ["song", "title", "track"], "word", ["Play {}", "Play (the song|the track|some) {}", "I want to (hear|listen to) {}", "Put on {}", "(Start|Turn on) the song {}"], ["status", "seconds", "volume", "length"]),
    (["turn_on_light", "light_on", "switch_light"], "Turn on the light in a room", ["room", "place"], "word", ["(Turn|Switch) on the light in the {}", "Light in the {}, please", "It is dark in the {}", "Make light in the {}"], ["status", "brightness", "watts"]),
    (["get_user", "find_user", "lookup_user", "user_info"], "(Get|Find|Look up) a user by (name|id)", ["user", "id", "name", "username"], "name", ["(Find|Get|Look up|Show) (the|) user {}", "Who is the user {}", "(Show|Give) me the (account|profile) of {}", "Is there a user (called|named) {}"], ["id", "email", "status", "role"]),
    (["get_flight", "flight_status", "track_flight"], "Get the status of a flight", ["flight", "number", "code"], "code", ["(Where|How) is flight {}", "Is flight {} (late|on time|delayed)", "What is the status of flight {}", "(Track|Check|Get) flight {}"], ["status", "gate", "delay", "minutes"]),
    (["get_population", "population", "count_people"], "Get the population of a city", ["city", "place"], "city", ["How many people live in {}", "What is the population of {}", "How big is {}", "(Get|Tell me|Show me) the population of {}"], ["population", "people", "inhabitants"]),
    (["read_file", "open_file", "cat_file"], "Read a file", ["path", "file", "name"], "word", ["(Read|Open|Show me|Print) the file {}", "What is in the file {}", "(Read|Open) {}", "Show the contents of {}"], ["content", "lines", "size", "bytes"]),
    (["define_word", "dictionary", "get_definition"], "(Define a word|Get the definition of a word)", ["word", "term"], "word", ["Define {}", "What does {} mean", "What is the (meaning|definition) of {}", "(Look up|Explain) the word {}"], ["definition", "meaning", "senses"]),
    (["set_timer", "start_timer", "timer"], "(Set|Start) a timer for some minutes", ["minutes", "duration"], "number", ["(Set|Start) a timer for {} minutes", "Wake me in {} minutes", "Timer {} minutes", "Remind me in {} minutes", "(Tell|Call) me after {} minutes"], ["timer", "ends_at", "status"]),
    (["get_order", "order_status", "track_order"], "Get the status of an order", ["order", "id", "number", "order_id"], "number", ["Where is (my|the) order {}", "What is the status of order {}", "(Track|Check|Find|Get) order {}", "Has order {} (arrived|been sent)"], ["status", "days", "position"]),
    (["square_root", "sqrt", "root"], "Compute the square root of a number", ["number", "x", "value"], "number", ["What is the square root of {}", "(Compute|Calculate|Get) the square root of {}", "Square root of {}", "sqrt of {}"], ["root", "result", "value"]),
]
TOOL_PAIRS = [
    (["add_numbers", "add", "sum", "plus", "addition"], "Add two numbers", [("a", "b"), ("x", "y"), ("first", "second")], ("number", "number"), ["(Add|Sum) {} and {1}", "What is {} (plus|+) {1}", "(Calculate|Compute) {} (plus|+) {1}", "What is the sum of {} and {1}", "{} + {1}", "How much is {} (plus|and) {1}", "(Add|Put) {} and {1} together", "Add up {} and {1}", "What do you get for {} plus {1}"], ["sum", "result", "total"]),
    (["multiply_numbers", "multiply", "times", "product"], "Multiply two numbers", [("a", "b"), ("x", "y"), ("first", "second")], ("number", "number"), ["Multiply {} (by|and|with) {1}", "What is {} (times|x) {1}", "(Calculate|Compute) {} times {1}", "What is the product of {} and {1}", "How much is {} times {1}"], ["product", "result", "total"]),
    (["book_table", "reserve_table", "book_restaurant", "table_booking"], "Book a table at a restaurant", [("restaurant", "guests"), ("place", "people"), ("restaurant", "persons"), ("name", "seats")], ("name", "age"), ["(Book|Reserve|Get) (me|us|) a table at {} for {1} (people|guests|persons|)", "(I|We) (want|need|would like) a table (at|in) {} for {1} (people|guests|persons|)", "A table for {1} (people|guests|) at {}", "We are {1} (people|guests|) and want to eat at {}", "Dinner at {} for {1}, please", "(Please|Can you|Will you) (book|reserve) {} for {1} (people|guests|persons)"], ["booking", "table", "confirmation", "number"]),
    (["get_distance", "distance", "route_length"], "Get the distance between two cities", [("from", "to"), ("start", "end"), ("origin", "destination")], ("city", "city"), ["How far is it from {} to {1}", "What is the distance (between|from) {} (and|to) {1}", "How (long|many kilometres) is the (way|road|route) from {} to {1}", "How far is {1} from {}", "I travel from {} to {1}, how far is it"], ["distance", "kilometres", "km", "miles"]),
    (["send_message", "send_text", "message", "write_message"], "Send a message to a person", [("to", "text"), ("person", "message"), ("recipient", "body")], ("name", "word"), ["(Send|Write) (a message|a text|) to {}: {1}", "Tell {} {1}", "Send {1} to {}", "Send {} the (message|text) {1}", "(Message|Text) {}: {1}"], ["status", "id", "message_id"]),
    (["create_event", "add_event", "add_to_calendar"], "Add an event to the calendar", [("title", "day"), ("event", "date"), ("name", "day")], ("word", "age"), ["Add {} (on day|on|for day) {1} to the calendar", "Put {} in (my|the) calendar for day {1}", "I have {} on day {1}, (note it|write it down|add it)", "(Create|Make) an event {} on day {1}"], ["event", "id", "status"]),
    (["convert_currency", "exchange", "convert_money"], "Convert an amount of money into another currency", [("amount", "currency"), ("value", "to"), ("sum", "target")], ("number", "word"), ["(Convert|Change|Exchange) {} (to|into) {1}", "How (much|many) {1} (is|are|do I get for) {}", "What is {} in {1}", "I have {} and want {1}"], ["amount", "result", "rate"]),
    (["set_temperature", "set_thermostat", "heat_room"], "Set the temperature of a room", [("room", "degrees"), ("place", "temperature"), ("room", "value")], ("word", "age"), ["Set the {} to {1} degrees", "Make (it|the) {} {1} degrees (warm|)", "(Heat|Cool) the {} to {1} (degrees|)", "I want {1} degrees in the {}"], ["temperature", "status", "degrees"]),
]
TOOL_VERBS = "get find fetch show read check count list compute look_up open start stop delete print load measure scan test rate rank".split()
NO_TOOL = "I don't know that, and I have no tool for it."

CLAUSES = {
    "age": ("age", ["is {} years old", "is {}", "is {} years of age", "turned {} (last week|recently|this year|)", "is aged {}", "has lived for {} years", "has an age of {}", "became {} (last month|)", "is a {} year old person", "had (birthday|a birthday) and is {} (now|)", "reached {} years", "celebrated the {}th birthday"]),
    "city": ("city", ["lives in {}", "is living in {}", "is from {}", "comes from {}", "resides in {}", "has a house in {}", "has a home in {}", "moved to {}", "is based in {}", "stays in {}", "calls {} home", "rents a room in {}", "is at home in {}", "owns an apartment in {}", "settled in {}"]),
    "job": ("job", ["works as (a|an) {}", "is (a|an) {} (by profession|by trade|)", "has a job as (a|an) {}", "earns money as (a|an) {}", "is a professional {}", "was hired as (a|an) {}", "earns a living as (a|an) {}", "does the job of (a|an) {}", "has worked as (a|an) {} for years", "is working as (a|an) {}", "gets paid as (a|an) {}"]),
    "pet": ("animal", ["has a pet {}", "has a {} as a pet", "has a {}", "owns a {}", "owns a pet {}", "lives with a {}", "has a {} at home", "keeps a {}", "takes care of a {}", "loves a pet {}", "bought a {}", "walks a pet {}", "has got a {}", "feeds a {} every day"]),
    "colour": ("colour", ["likes the (colour|color) {}", "loves the (colour|color) {}", "likes {} as a (colour|color)", "has the favourite (colour|color) {}", "wears the (colour|color) {}", "has {} as favourite (colour|color)", "finds the (colour|color) {} beautiful", "likes {} best of all (colours|colors)", "always dresses in the (colour|color) {}", "chose the (colour|color) {}", "thinks {} is the best (colour|color)"]),
    "food": ("food", ["likes to eat {}", "loves eating {}", "likes {}", "loves {}", "eats {} (every day|often|for lunch|for dinner|)", "has {} as favourite food", "is fond of {}", "cooks {}", "is hungry for {}", "wants {} for (dinner|lunch)", "orders {} (again|every time|)", "likes the taste of {}", "is always happy with a plate of {}"]),
    "hobby": ("word", ["has {} as a hobby", "has the hobby {}", "spends the weekend with {}", "is into {}"]),
    "company": ("name", ["works for {}", "is employed at {}", "works at the company {}"]),
    "language": ("city", ["speaks {}", "talks {} at home", "knows the language {}"]),
    "height": ("number", ["is {} cm tall", "has a height of {}"]),
    "friend": ("name", ["has a friend called {}", "is a friend of {}"]),
    "car": ("word", ["drives a {}", "owns a car of the make {}"]),
    "sport": ("word", ["plays {}", "does {} as a sport"]),
}
KEY_NAMES = {
    "age": ["age", "age", "age", "years"], "city": ["city", "city", "city", "town", "location", "home"], "job": ["job", "job", "job", "profession", "occupation"], "pet": ["pet", "pet", "pet", "animal"],
    "colour": ["colour", "colour", "color", "favourite_colour", "favorite_color"], "food": ["food", "food", "food", "favourite_food", "dish"], "name": ["name", "name", "name", "name", "person"],
}
JSON_STARTS = [
    "{}", "{}", "{}", "Extract (the person|the facts|the data|the details): {}", "(Describe|Give|Show|Return) (this|the) person as JSON: {}", "{} (Extract|Return|Give me|Write) (this|that|it|the data) as JSON.", "(Read|Analyse) (this|the text|this sentence): {}", "Text: {}", "What do you know about this person? {}", "Convert to JSON: {}", "(Please|) fill (in|) (the fields|the schema|this out): {}", "Who is this? {}", "JSON please. {}", "Make (a record|JSON|an object) (of|from) (this|the text): {}", "Sentence: {}", "I (met|saw|know) somebody. {}", "Take the data from this text. {}", "(Listen|Look): {}",
]
FIRST_PERSON = {
    "name": ["My name is {}", "I am {}", "I'm {}"], "age": ["I am {} years old", "I'm {} years old", "my age is {}"], "city": ["I live in {}", "I come from {}"], "job": ["I work as a {}", "my job is {}"],
    "pet": ["I have a pet {}", "my pet is a {}"], "colour": ["my favourite colour is {}", "I like the colour {}"], "food": ["I like to eat {}", "my favourite food is {}"],
}

# What each fact is called in the middle of a sentence, and more ways to come to it.
TOPICS = {
    "name": "my name|my own name|the name I told you|what I am called|who I am|how people call me|the name I have|my first name|what my name was|the name I introduced myself with",
    "city": "where I live|my city|my home town|the city I live in|where my home is|the place where I live|my place of residence|the town I told you about|where I have my home|where my bed stands",
    "colour": "my favourite colour|my favorite color|the colour I like best|which colour I like|what colour I love|the colour I told you about|my preferred colour|the colour that I like most|the color I find nicest",
    "food": "my favourite food|my favorite food|what I like to eat|the food I like best|my favourite dish|which meal I love|the dish I told you about|what I eat with pleasure|the meal I enjoy|what tastes good to me",
    "job": "my job|my profession|what I do for a living|what I work as|my occupation|the job I have|the work I do|which profession I told you|how I make my money|what I am paid for",
    "petName": "my pet's name|the name of my pet|what my pet is called|how my pet is named|the name my pet has|which name my pet carries|what I named my pet",
    "petKind": "what pet I have|what kind of animal my pet is|which animal I keep|my kind of pet",
    "age": "my age|how old I am|the age I told you|how many years old I am|what age I have|my age in years|how many years I am old",
}
TOPIC_ASK = [
    "(Do you|Can you|Could you|Would you) (still|maybe|perhaps|happen to|) (know|remember|recall|tell|name|say|repeat|find) ({topic})", "(Remind|Tell) me (once more|again|now|quickly|please|) ({topic})", "I (forgot|can't remember|wonder|want to know|would like to hear|need to know|am not sure any more|must look up|no longer know) ({topic})", "(Any idea|Any clue|Let me know|Let me hear|Look up|Find out|Say it|Repeat|Give me) ({topic})", "(Have|Did) you (noted|kept|stored|note|keep|remember|forget|learn|forgotten|learned) ({topic})", "(What about|And what of|How about|Now to) ({topic})", "({topic}), (what was it|can you say it|do you have it|which is it|any idea|do you still know it|tell me)", "(Is|Was) there something about ({topic})", "What (do you know|have I said|did I say|can you tell me|is known) about ({topic})", "You (surely know|should know|must remember|have heard|were told) ({topic})",
]
MORE_ASK = {
    "name": ["How would you (call|name|greet|address) me", "Which name (do I have|was I given|do I use|belongs to me|stands on my letters)", "Who (is the person|is it) (writing to you|you talk with)", "What should (you|they|people) (write|put) on my (desk|door|cup|letter|ticket)", "With what name (was I born|do I sign)", "Do we know each other? What am I called", "What did I (introduce myself as|say I was called|call myself)", "How am I (named|known)"],
    "city": ["Where (is|would be) my (bed|front garden|letterbox|kitchen|street|apartment)", "Where do I (sleep|pay my rent|come home|go home to|spend my evenings|live these days|have my flat)", "(Which|What) (city|town|place) (is mine|have I settled in|do I belong to|do I sleep in|have I moved to|did I mention)", "If (you|somebody) (visited|wanted to visit) me, where (would you|should they) go", "Where on the map (am I|do I live)", "In which part of the world do I live", "Where have I (made|got) my home"],
    "colour": ["(Which|What) (colour|color) (do I find nicest|do I admire|do I adore|would I wear|would please me|did I praise|wins for me|would I give my (house|hat|boat))", "If I bought a (shirt|car|hat|sofa), (which|what) (colour|color) would it have", "(What|Which) (shade|tint|tone|colour|color) do I (like|love|prefer|want)", "(Which|What) (colour|color) (am I mad about|has my heart|is dear to me)"],
    "food": ["(What|Which) (food|dish|meal|thing) (makes my mouth water|do I dream of|would I order in a restaurant|am I fond of|do I ask for|would I cook for myself|is on my plate|delights me|do I enjoy)", "What (would|should|could) (you|one|a cook|the chef|somebody) (prepare|serve|bring|make|cook) (to please me|for my birthday|me|tonight)", "What do I (love to have for dinner|eat with joy|ask for at table|fill my plate with|enjoy eating)", "If I am hungry, what do I want", "What is the best thing to eat for me"],
    "job": ["How do I (pay my bills|make a living|spend my working days|fill my working day)", "(What|Which) (work|job|profession|occupation|trade) (pays my bills|do I practise|did I tell you about|do I follow|is my daily bread|keeps me busy)", "What am I paid for", "What stands on my business card", "What do I do from nine to five", "What is my role at work", "What (kind|sort|type) of (worker|professional) am I", "In (which|what) (field|trade|profession|job) do I work"],
    "petName": ["What do I (shout|call|say) when I (want|call|look for) my pet", "(What|Which) name (did we choose|was chosen|stands on the collar|is given) for my pet", "What is my (animal|little animal|furry friend|companion) called", "What did we (call|name) (our|the) pet", "How did I (name|call) (my|the) (pet|animal)"],
    "age": ["How many (years|winters|summers) (have I seen|are behind me|have passed since my birth|am I)", "(What|Which) number (of years am I|is my age)", "How (young|old) (am I|would you say I am|have I said I am)", "In years, how old am I", "At what age am I", "What (age|number of years) did I (mention|tell|say|state)", "How long have I been (alive|in this world|living)"],
}
MORE_TELL = {
    "name": ["They baptised me {}", "(Write|Put|Note) {} on the list, that is me", "It's me, {}", "My friends (say|use) {} (to me|when they talk to me)", "People (say|use the name) {} when they mean me", "I sign my letters with {}", "(Nice to meet you|Pleased to meet you), (I am|I'm) {}", "Around the house I am called {}", "The name I use is {}", "My passport says {}", "As a name I have {}", "You can say {} to me"],
    "city": ["My (bed|front door|kitchen|letterbox) is in {}", "I (pay my rent|come home|go home|spend my evenings|bought a house|rent a flat) in {}", "I am (at home|living|settled|to be found) in {} (these days|now|)", "{} is (home|where I sleep|my town|my city) (these days|now|)", "(At the moment|Currently|Today) I (live|stay) in {}", "My family and I live in {}", "(Some|A few|Two) years ago I moved to {}", "I chose {} as my home", "The place where I live is {}"],
    "colour": ["(I adore|I admire|Nothing beats) the (colour|color) {}", "{} is (such a|the most) beautiful (colour|color), (my favourite|I love it)", "(Among|Of) all (colours|colors), {} (wins|is mine|is the one I love)", "As (colours|colors) go, I (love|pick|take|want) {}", "The (colour|color) (that pleases me most|dearest to me|I would choose|that I find nicest) is {}", "If you ask me for a (colour|color), I say {}", "I would (choose|pick|take) {} as (colour|color)"],
    "food": ["(Nothing|No meal) (beats|is better than|makes me happier than) {}", "I (dream of|ask for|enjoy|could live on) {} (every day|at every meal|all the time|)", "The (meal|food|dish) that (pleases me most|I enjoy|makes me happy|I order everywhere) is {}", "Give me {} (every day|any day) and I am happy", "I would (walk|drive) miles for {}", "Food-wise, {} is (the best|my favourite)", "{} (tastes better than anything|makes my mouth water|is what I like to eat|is so good to eat)", "I eat {} (whenever I can|with joy|day and night)"],
    "job": ["I (pay my bills|make a living|earn my bread) as (a|an) {}", "(They|The company) pay me as (a|an) {}", "My (business card|contract) says {}", "I (practise|learned|follow) the (trade|profession) of (a|an) {}", "My working days are those of (a|an) {}", "I am paid to work as (a|an) {}", "In my (working life|job) I am (a|an) {}", "Every day I go to work as (a|an) {}", "The (trade|profession|job) I have is {}"],
    "petName": ["My pet (obeys|comes|listens) when I (call|shout) {}", "We gave our pet the name {}", "{} is what (I|we) call (my|our) pet", "A pet (named|called) {} (lives|stays) with me", "My (house|home) is shared with a pet (called|named) {}", "There is a pet (called|named) {} at my (home|house)", "The collar of my pet says {}", "My pet has the name {}"],
    "age": ["I have (seen|lived) {} (years|winters|summers)", "(Today|Yesterday|Last week) I (became|turned) {} (years old|)", "My age is {} years", "I (just|recently) (became|turned|had my birthday and am) {}", "{} years have passed since my birth", "I count {} years", "In years I am {}", "I (reached|have reached) {} years"],
}
for key, topic in TOPICS.items():
    FACTS[key]["ask"] += [pattern.replace("{topic}", topic) for pattern in TOPIC_ASK] + MORE_ASK.get(key, [])
    FACTS[key]["tell"] += MORE_TELL.get(key, [])
ATTRIBUTE_ASK += [pattern.replace("({topic})", "my {attr}") for pattern in TOPIC_ASK]
ATTRIBUTE_TELL += ["The {attr} (I have|that I use|I took) is {}", "{} (was|is) (chosen|used|good) as my {attr}", "About my {attr}: (it is|that is) {}", "Everyone knows my {attr} is {}", "I was given {} as {attr}", "I say {} is my {attr}"]

JSON_LEADS = "(Please |Could you |Now |I want you to |)(extract|read|take|collect|find|note|write down|process|organise|put in order|store|summarise|convert|structure) (the person|the data|the facts|everything|what you read|the fields|the details|this text|this|the text below|what is said) (here|below|from this|in this text|as JSON|into fields|in the form|)"
JSON_STARTS += [JSON_LEADS + "(.|:) {}", JSON_LEADS + "(.|:) {}", JSON_LEADS + "(.|:) {}", "(This|The following|What follows|Below) is (about somebody|a person|a text|what I heard|a description|my note)(.|:) {}", "(I heard|I was told|They say|It is said|We know|My note says)( this|)(.|:) {}", "{} (Fill in the fields.|Store this.|Who is it?|Write it down as a record.|That is all I know.)"]
CLAUSES["age"][1].extend(["has seen {} (summers|winters)", "(just|recently) had birthday number {}", "has the age of {}", "will soon be older than {} but is {} now", "is now {} years old"])
CLAUSES["city"][1].extend(["owns a (house|flat|cottage) in {}", "has settled (down|) in {}", "rents a (flat|house) in {}", "sleeps in {}", "has a place in {}", "feels at home in {}", "built a house in {}"])
CLAUSES["job"][1].extend(["pays the bills as (a|an) {}", "is paid as (a|an) {}", "has found work as (a|an) {}", "makes money as (a|an) {}", "spends the day working as (a|an) {}", "trained as (a|an) {}"])
CLAUSES["pet"][1].extend(["has a {} as pet", "cares for a pet {}", "lives together with a pet {}", "shares a flat with a {}", "goes for walks with a pet {}"])
CLAUSES["colour"][1].extend(["would choose the (colour|color) {}", "buys everything in the (colour|color) {}", "admires the (colour|color) {}", "likes things in the (colour|color) {}", "adores the (colour|color) {}"])
CLAUSES["food"][1].extend(["enjoys {}", "enjoys a plate of {}", "could eat {} all day", "has {} for (breakfast|lunch|supper)", "cannot resist {}", "asks for {} at every meal", "never gets enough of {}", "likes a bowl of {}"])

MORE_REQUESTS = {
    "get_weather": ["(Show|Give) me the weather (forecast|data|) for {}", "Is it (nice|good|bad|stormy|foggy) (weather|) in {} (now|right now|today|)", "I travel to {}, how is the weather", "What should I wear in {}", "Can I (swim|ski|go out) in {} today", "Is the sun shining in {}", "The weather (of|in|for) {}"],
    "get_time": ["(Do you know|I need) the (time|hour|local time|current time) in {}", "Are people in {} (asleep|awake) now", "The clock in {} (says|shows) what", "What is the hour in {}", "Which time do they have in {}", "I want to (ring|phone) somebody in {}, how late is it there"],
    "find_contact": ["I need (the number|the phone number|to talk to|to ring) {} (on the phone|)", "Which (number|phone number) (has|does) {} (have|)", "Have you the (number|contact) of {}", "(Get|Give) me {} on the phone", "Under what number do I reach {}"],
    "lookup_recipe": ["I (plan|am going) to (cook|make|bake) {} (tonight|)", "(Which|What) recipe (is there|fits|exists) for {}", "(Give|Show|Find) me (any|a|some) recipe (of|for) {}", "{} is what I want to cook", "How is {} (made|cooked|prepared)", "Do you have a recipe for {}"],
    "get_stock": ["(Check|See|Look) (whether|if) {} is in stock", "Do we (still|) have (any|some|enough) {}", "How many of the (product|item|article) {} (do we have|are there|are left)", "(Is|Are) there still {} in the (store|shop)", "The stock of (the product|) {}, please", "Have we got {}"],
    "add_numbers": ["(Sum|Total) of {} and {1}", "How much (is|are|makes|make) {} and {1} (together|in total|in sum|)", "(Please|) (sum|count|total) {} and {1}", "{} added to {1}", "What do {} and {1} (give|make|come to)", "(Take|I have) {} and {1}, (add them|what is the total)"],
    "book_table": ["(Please|Could you|Can you|I'd like you to) (reserve|book|get) a table (at|in) {} for {1} (people|guests|persons|)", "(We|My friends and I) want to (dine|have dinner) at {}, (we are|for|it is for) {1} (people|guests|persons|)", "Table (at|in) {}, {1} (people|guests|persons)", "I (plan|want) to eat at {} with {1} (people|guests|persons|)"],
}
for subject in (*TOOL_SUBJECTS, *TOOL_PAIRS):
    subject[-2].extend(MORE_REQUESTS.get(subject[0][0], []))

MORE_ECHORATOR = {
    "What is Echorator": ["(Give|Write) me a (summary|short description|definition) of Echorator", "What (can|could) Echorator (do|give me)", "I am new here, what is (this|Echorator)", "What (is it that|) Echorator (does|offers|gives me)"],
    "Which port (does the main API use": ["(Which|What) (port|number|address) (must|do) I (type|take|use) for the main API", "Port of the main API", "The main API, (where is it|what port is it on|which port)", "How can I connect to the main API", "The main API (answers|can be reached|is found) (where|at which port)"],
    "Which port (does|is) (the Ollama API": ["The (Ollama|OpenAI) API, (where is it|what port is it on|which port)", "(Ollama|OpenAI) (listens|answers|runs) (where|on which port|at what port)", "Where (do|can|should) I (point|connect|send) (Ollama|OpenAI|an Ollama client|an OpenAI client)", "Port of (Ollama|the Ollama API|OpenAI|the OpenAI API)", "Where is the (Ollama|OpenAI) (API|port|server)"],
    "Which ports (are used": ["(Tell|Show) me (which|what) ports (Echorator|the engine) (has|uses|opens|takes)", "Ports (used by|of|in) Echorator", "What ports (has|opens|serves) Echorator", "Which ports (do I need|are opened|belong to Echorator|are taken)"],
    "How (do|can) I (add|install": ["I (need|want|wish for|would like) (another|one more|a further|an additional) model", "What (are|is) the (steps|step|way|procedure) to (add|get|use|load) (a|another|a new) model", "(Another|One more|A second) model, how", "Can you explain how to add a model"],
    "Where is (memory|my memory": ["(On|In) (which|what) (place|path|folder) (do|are) (my memories|the memories|my facts) (lie|kept|stored)", "Where on (disk|this machine|my computer) is (my|the) memory", "What (path|folder|file|database) (has|holds|keeps) my (memories|memory|data)", "Where do (memories|my memories|facts) (go|live|stay)", "The memory is (kept|stored|saved) where"],
    "How do I stop": ["(Which|What) command do I (use|type|need) to (stop|end|shut down) (Echorator|it|the engine)", "(Echorator|It) should (stop|end) now, how", "Make (Echorator|it) stop", "How can (Echorator|it) be (stopped|ended|shut down)", "What (stops|ends|shuts down) (Echorator|it)"],
    "How do I start": ["(Which|What) command do I (use|type|need) to (start|launch|begin) (Echorator|it|the engine)", "(Echorator|It) should (start|run) now, how", "Make (Echorator|it) (start|run)", "How can (Echorator|it) be (started|launched)", "What (starts|launches|boots) (Echorator|it)"],
    "(Which|What) clients": ["(Which|What) (client|clients|client programs|apps) (is|are|would be) (compatible|supported|usable|possible)", "Can (Ollama|OpenAI) (clients|programs|apps|tools) (talk|speak|connect) to (Echorator|you|it)", "Is my (Ollama|OpenAI) (program|app|client|software) (compatible|supported)"],
    "What is Deep Tree Echo": ["(What|How) is (Deep Tree Echo|the Deep Tree Echo) (about|used|working)", "Deep Tree Echo, (explain|explain it|what for|tell me)", "What (is the job of|can) Deep Tree Echo (do|)", "I read about Deep Tree Echo, what is it"],
    "What is GGUF": ["(What|Which things) (is stored|is kept|stands) in a GGUF (file|)", "The GGUF (format|file), (what is it|explain it|what for)", "(Explain|Describe) (the|a) GGUF file", "What do GGUF files (hold|have inside)"],
    "What is Pulumi": ["(What|Why) (does|do) (Echorator|you) (need|do with|have) Pulumi (for|)", "What (part|role|task) does Pulumi (play|have) (here|)", "Pulumi (does|is for) what", "For (what|which purpose) (is Pulumi|do you use Pulumi|does it use Pulumi)"],
}
for asked, _ in ABOUT_ECHORATOR:
    for start, more in MORE_ECHORATOR.items():
        if asked[0].startswith(start):
            asked.extend(more)
GREETINGS += ["(Hi|Hello|Hey|Greetings|Good day), (dear|my|good|old) (friend|Echo|assistant|helper)", "(Greetings|Salutations|Welcome|Hail) (to you|everyone|Echo|my friend|from me)", "(A|I wish you a) (very|) (good|nice|fine|pleasant) (morning|evening|day|afternoon)", "(Hello|Hi|Hey), (lovely|great|happy|glad) to (be here|see you|talk to you|meet you|have you)", "(hey|hi|hello|yo) (hey|hi|hello|yo)", "(Morning|Evening|Afternoon)"]
IDENTITY += ["(Please|) (introduce|present|describe|explain) yourself (briefly|in short|to me|in a sentence|quickly|)", "(And|So|But) (you|your name|who might you be|who would you be)", "(Is this|Are you|Am I talking to|Do I talk to|Do I speak with) (a person|a human|a machine|a program|a robot|a computer|a model) (or (a person|a program|a machine|a human)|)", "(What|How) do (people|others|you) call (you|yourself)", "(May|Can|Might) I (ask|know) (who you are|what you are|your name|who is there|what you are called|who I am talking to)", "What (sort|kind|type) of (assistant|model|bot|helper|software) (are you|is this|do I have here)", "Say (who you are|something about yourself|what you are)", "How (should|can|shall|do) I (call|name) you", "(Give|Write) (me|) (a|one) (sentence|word|summary) about yourself", "Who (answers|is answering|writes|talks|helps) (me|here|to me)"]
ANIMALS = {
    "tell": ["My {animal} is (called|named) {}", "I have a {animal} (called|named) {}", "My {animal}'s name is {}", "The name of my {animal} is {}", "We have a {animal} (called|named) {}", "I called my {animal} {}", "My {animal} {} is (asleep|hungry|sweet|at home)", "I own a {animal}, (it is called|its name is) {}", "{} is my {animal}", "I live with my {animal} {}"],
    "change": ["I have a new {animal}, it is called {}", "My {animal} is called {} now", "(Actually|No|Sorry), my {animal} is called {}", "My new {animal} is called {}"],
    "ask": ["What is my {animal} called", "(What's|What is) my {animal}'s name", "What is the name of my {animal}", "How is my {animal} called", "Do you (know|remember|recall) (my {animal}'s name|what my {animal} is called)", "(Can|Could) you tell me the name of my {animal}", "What did I (call|name) my {animal}", "Tell me (my {animal}'s name|the name of my {animal})", "Remind me what my {animal} is called", "Which name does my {animal} have", "And my {animal}'s name", "I forgot (my {animal}'s name|what my {animal} is called)", "(What is|Whats) my {animal}s name"],
}
SMALL_TALK[1][0].insert(0, "(Thanks|thanks|Thank you|thank you|Thanks a lot|thx)")

# The widening of wordings_more.py.
for key, words in FACTS.items():
    topic = "|".join([*TOPICS[key].split("|"), *wordings_more.CUES[key], *wordings_more.CUES[key]])
    words["tell"] += wordings_more.TELL[key]
    words["change"] += wordings_more.CHANGE[key]
    words["ask"] += wordings_more.ASK[key] + [pattern.replace("{topic}", topic) for pattern in wordings_more.FRAMES]
ATTRIBUTE_TELL += wordings_more.ATTRIBUTE_TELL
ATTRIBUTE_ASK += [pattern.replace("{topic}", "|".join(wordings_more.ATTRIBUTE_CUES)) for pattern in wordings_more.FRAMES]
BEFORE_TELL += wordings_more.BEFORE_TELL
AFTER_TELL += wordings_more.AFTER_TELL
BEFORE_ASK += wordings_more.BEFORE_ASK
AFTER_ASK += wordings_more.AFTER_ASK
GREETINGS += wordings_more.GREETINGS
IDENTITY += wordings_more.IDENTITY
ASIDES += wordings_more.ASIDES
ADVERBS = wordings_more.ADVERBS
for subject in (*TOOL_SUBJECTS, *TOOL_PAIRS):
    subject[-2].extend(wordings_more.REQUESTS.get(subject[0][0], []))
for asked, _ in ABOUT_ECHORATOR:
    for start, wider in wordings_more.ECHORATOR.items():
        if asked[0].startswith(start):
            asked.extend(wider)
for part, texts in wordings_more.ANIMALS.items():
    ANIMALS[part] += texts

# The widening of wordings_wide.py.
for key, words in FACTS.items():
    words["tell"] += wordings_wide.TELL.get(key, [])
    words["change"] += wordings_wide.CHANGE[key]
    words["ask"] += wordings_wide.ASK.get(key, [])
    CLAUSE = wordings_wide.CLAUSES.get({"petKind": "pet"}.get(key, key))
    if CLAUSE:
        CLAUSES[{"petKind": "pet"}.get(key, key)][1].extend(CLAUSE)
IDENTITY += wordings_wide.IDENTITY
GREETINGS += wordings_wide.GREETINGS
JSON_STARTS += wordings_wide.JSON_STARTS
for asked, _ in ABOUT_ECHORATOR:
    for start, wider in wordings_wide.ECHORATOR.items():
        if asked[0].startswith(start):
            asked.extend(wider)
WHEN = wordings_wide.WHEN
